/* A step of the scattering cascade for one precision: wavelet, modulus, low-pass, and the spectrum
   of the modulus for the wavelets that follow.

   Lanes are wavelets of one picture, or, when wavelets follow, the moduli that they are applied
   to. Inverse transforms are forward ones of spectra whose parts have changed places: the modulus
   does not tell. */

/* A row of the product of spectra (finer grid, folded by tiles) and a wavelet; 0 if it is empty. */
static int NAME(product)(const struct cascade *step, const void *spectra, int32_t member, int64_t y,
                         WAVE *row) {
    const int64_t height = step->down.size, width = step->across.size;
    const int64_t rows = step->finer_height, columns = step->finer_width;
    int used = 0;
    for (int64_t t = 0; t < step->tiles; t++) {
        const int64_t line = (member * step->tiles + t) * height + y;
        const int32_t first = step->ranges[2 * line], last = step->ranges[2 * line + 1];
        if (first == last)
            continue;
        if (!used)
            memset(row, 0, width * sizeof(WAVE));
        used = 1;
        const int64_t v = step->places[2 * t] * height + y, u = step->places[2 * t + 1] * width;
        if (step->is_first) {
            const OCTET *weights = (const OCTET *)step->values + line * width;
            const REAL *spectrum = (const REAL *)spectra + 2 * (v * columns + u);
            for (int32_t x = first; x < last; x++) {
                row[x].re += weights[x] * spectrum[2 * x + 1];
                row[x].im += weights[x] * spectrum[2 * x];
            }
            continue;
        }
        /* Of spectra of real values there is one half, and the conjugates of the other. */
        const REAL *weights = (const REAL *)step->values + line * width;
        if (2 * v <= rows) {
            const WAVE *spectrum = (const WAVE *)spectra + v * columns + u;
            for (int32_t x = first; x < last; x++) {
                row[x].re += weights[x] * spectrum[x].im;
                row[x].im += weights[x] * spectrum[x].re;
            }
        } else {
            const WAVE *spectrum = (const WAVE *)spectra + (rows - v) * columns;
            for (int32_t x = first; x < last; x++) {
                const WAVE *wave = spectrum + (u + x ? columns - u - x : 0);
                row[x].re -= weights[x] * wave->im;
                row[x].im += weights[x] * wave->re;
            }
        }
    }
    return used;
}

/* The sum of `size` values, weighted by a row of a low-pass. */
INLINE OCTET NAME(average)(const struct lowpass *lowpass, int64_t output, const OCTET *values,
                           int64_t size) {
    const REAL *weights = (const REAL *)lowpass->values + output * size;
    const int32_t last = lowpass->ranges[2 * output + 1];
    int32_t i = lowpass->ranges[2 * output];
    OCTET sums[4] = {{0}, {0}, {0}, {0}};
    for (; i + 4 <= last; i += 4)
#pragma unroll
        for (int j = 0; j < 4; j++)
            sums[j] += weights[i + j] * values[i + j];
    for (; i < last; i++)
        sums[0] += weights[i] * values[i];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/* Half of the spectra along y of two columns of moduli, which are transformed as one. */
static void NAME(two_spectra)(const struct transform *down, const OCTET *moduli, WAVE *memory,
                              WAVE *out, int64_t width, int two) {
    const int64_t height = down->size;
    WAVE *both = memory, *waves = memory + height;
    for (int64_t y = 0; y < height; y++)
        both[y] = (WAVE){moduli[y], two ? moduli[height + y] : (OCTET){0}};
    NAME(fourier)(down, both, 1, waves);
    for (int64_t y = 0; y <= height / 2; y++) {
        const WAVE a = waves[y], b = waves[y ? height - y : 0];
        out[y * width] = (WAVE){(a.re + b.re) / 2, (a.im - b.im) / 2};
        if (two)
            out[y * width + 1] = (WAVE){(a.im + b.im) / 2, (b.re - a.re) / 2};
    }
}

/* Coefficients of some members, and, if `next` is there, half of the spectra of their moduli.

   `memory` holds height * width + 2 * width + 4 * height waves, and outputs * width octets. */
EXPORT void NAME(scatter)(const struct cascade *step, const void *spectra, void *next, void *out,
                          void *memory, int32_t first, int32_t last) {
    const struct transform *down = &step->down, *across = &step->across;
    const int64_t height = down->size, width = across->size;
    const int64_t rows = step->low_down.outputs, columns = step->low_across.outputs;
    WAVE *responses = memory, *row = responses + height * width, *line = row + width;
    WAVE *column = line + width, *between = column + height;
    OCTET *moduli = (OCTET *)(between + 2 * height), *averages = moduli + 2 * height;
    for (int32_t member = first; member < last; member++) {
        for (int64_t i = 0; i < height; i++) {
            /* Rows y and height - y are products of the same rows, one of them conjugate. */
            const int64_t y = i % 2 ? height - (i + 1) / 2 : i / 2;
            if (NAME(product)(step, spectra, member, y, row))
                NAME(fourier)(across, row, 1, responses + y * width);
            else
                memset(responses + y * width, 0, width * sizeof(WAVE));
        }
        for (int64_t x = 0; x < width; x += 2) {
            const int two = x + 1 < width;
            /* No processor guesses steps as wide as a row. */
            for (int64_t y = 0; x + 3 < width && y < height; y++) {
                __builtin_prefetch(responses + y * width + x + 2);
                __builtin_prefetch(responses + y * width + x + 3);
            }
            for (int i = 0; i <= two; i++) {
                OCTET *here = moduli + i * height;
                NAME(fourier)(down, responses + x + i, width, column);
                for (int64_t y = 0; y < height; y++)
                    here[y] = __builtin_elementwise_sqrt(column[y].re * column[y].re +
                                                         column[y].im * column[y].im);
                for (int64_t y = 0; y < rows; y++)
                    averages[y * width + x + i] = NAME(average)(&step->low_down, y, here, height);
            }
            if (next)
                NAME(two_spectra)(down, moduli, between, (WAVE *)next + x, width, two);
        }
        for (int64_t y = 0; next && y <= height / 2; y++) {
            WAVE *waves = (WAVE *)next + y * width;
            NAME(fourier)(across, waves, 1, line);
            memcpy(waves, line, width * sizeof(WAVE));
        }
        for (int64_t i = 0; i < rows * columns; i++) {
            const OCTET *values = averages + i / columns * width;
            const OCTET sums = NAME(average)(&step->low_across, i % columns, values, width);
            for (int lane = 0; lane < PLANES; lane++) {
                const int32_t channel = step->channels[member * PLANES + lane];
                if (channel >= 0)
                    ((REAL *)out)[channel * rows * columns + i] = sums[lane];
            }
        }
    }
}

#undef OCTET
#undef WAVE
