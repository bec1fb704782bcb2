/* Steps of the scattering cascade for one precision: wavelet, modulus, low-pass, and the spectrum
   of the modulus for the wavelets that follow.

   Lanes are wavelets of one picture, or, when wavelets follow, the moduli that they are applied
   to. Inverse transforms are forward ones of spectra whose parts have changed places: the modulus
   does not tell.

   Rows are transformed, then columns, then columns of moduli and their rows. Each of these leaves
   its numbers where the next finds a line of them in a piece: what does not fit into the caches is
   read in the order in which it lies. */

/* What a step works in: columns of responses; a line that is transformed, and its transform, with
   what this works in; two columns of moduli; averages of columns, by rows. Lines and rows of
   averages have room for up to ABREAST - 1 numbers more than there are. */
typedef struct {
    int64_t stride, width; /* of a column of responses, and of a row of averages */
    CSPAN *responses, *input, *output, *scratch;
    SPAN *moduli, *averages;
    uintptr_t end;
} NAME(step_workspace);

static NAME(step_workspace) NAME(step_layout)(const struct scattering_step *step, uintptr_t at) {
    const int64_t height = step->down.size, width = step->across.size;
    const int64_t longest = (height > width ? height : width) + ABREAST;
    NAME(step_workspace) space;
    /* One more than needed: else columns of many sizes meet in the same few sets of a cache. */
    space.stride = NAME(spans)(height) * ABREAST + 1;
    space.width = NAME(spans)(width) * ABREAST;
    space.responses = (CSPAN *)at, at += NAME(spans)(width) * space.stride * sizeof(CSPAN);
    space.input = (CSPAN *)at, at += longest * sizeof(CSPAN);
    space.output = (CSPAN *)at, at += longest * sizeof(CSPAN);
    space.scratch = (CSPAN *)at, at += NAME(scratch_of)(&step->down, &step->across) * sizeof(CSPAN);
    space.moduli = (SPAN *)at, at += 2 * height * sizeof(SPAN);
    space.averages = (SPAN *)at;
    space.end = at + NAME(spans)(step->low_down.outputs) * space.width * sizeof(SPAN);
    return space;
}

/* Bytes that a step works in, and those of `next`. */
EXPORT int64_t NAME(scatter_memory)(const struct scattering_step *step) {
    return NAME(step_layout)(step, 0).end;
}

EXPORT int64_t NAME(scatter_spectra)(const struct scattering_step *step) {
    return NAME(spans)(step->down.size / 2 + 1) * step->across.size * sizeof(CSPAN);
}

/* Add to one of the lines abreast a row of the product of spectra (finer grid, folded by tiles) and
   a wavelet; 0 if there is nothing to add. */
static int NAME(add_product)(const struct scattering_step *step, const void *spectra,
                             int32_t member, int64_t y, CSPAN *row, int octet) {
    const int64_t height = step->down.size, width = step->across.size;
    const int64_t rows = step->finer_height, columns = step->finer_width;
    int used = 0;
    for (int64_t t = 0; t < step->tiles; t++) {
        const int64_t place = (member * step->tiles + t) * height + y;
        const int32_t first = step->ranges[2 * place], last = step->ranges[2 * place + 1];
        used |= first < last;
        const int64_t v = step->places[2 * t] * height + y, u = step->places[2 * t + 1] * width;
        if (step->is_first) {
            const OCTET *weights = (const OCTET *)step->values + place * width;
            const REAL *spectrum = (const REAL *)spectra + 2 * (v * columns + u);
            for (int32_t x = first; x < last; x++) {
                COCTET sum = NAME(get_octet)(row + x, octet);
                sum.re += weights[x] * spectrum[2 * x + 1];
                sum.im += weights[x] * spectrum[2 * x];
                NAME(set_octet)(row + x, octet, sum);
            }
            continue;
        }
        /* Of spectra of real values there is one half, and the conjugates of the other. */
        const REAL *weights = (const REAL *)step->values + place * width;
        const int is_there = 2 * v <= rows;
        const COCTET *spectrum = (const COCTET *)spectra + (is_there ? v : rows - v) * columns;
        for (int32_t x = first; x < last; x++) {
            const COCTET *finer = spectrum + (is_there || !(u + x) ? u + x : columns - u - x);
            COCTET sum = NAME(get_octet)(row + x, octet);
            sum.re += weights[x] * (is_there ? finer->im : -finer->im);
            sum.im += weights[x] * finer->re;
            NAME(set_octet)(row + x, octet, sum);
        }
    }
    return used;
}

/* A member's responses along x, by columns. */
static void NAME(respond)(const struct scattering_step *step, const void *spectra, int32_t member,
                          const NAME(step_workspace) * space) {
    const int64_t height = step->down.size, width = step->across.size;
    const int64_t groups = NAME(spans)(height);
    for (int64_t i = 0; i < groups; i++) {
        /* Rows y and height - y are products of the same rows, one of them conjugate: they come in
           turn, while these are in the caches. */
        const int64_t y = (i % 2 ? groups - (i + 1) / 2 : i / 2) * ABREAST;
        CSPAN *row = space->input;
        memset(row, 0, space->width * sizeof(CSPAN));
        int used = 0;
        for (int octet = 0; octet < ABREAST && y + octet < height; octet++)
            used |= NAME(add_product)(step, spectra, member, y + octet, row, octet);
        if (used) {
            NAME(fourier)(&step->across, row, 1, space->output, space->scratch);
            row = space->output;
            /* A column that is not there is transformed as one with another. */
            memset(row + width, 0, (space->width - width) * sizeof(CSPAN));
        }
        for (int64_t x = 0; x < width; x += ABREAST) {
            CSPAN *to = space->responses + x / ABREAST * space->stride + y;
#pragma unroll
            for (int down = 0; down < ABREAST; down++)
#pragma unroll
                for (int across = 0; across < ABREAST; across++)
                    NAME(set_octet)(to + down, across, NAME(get_octet)(row + x + across, down));
        }
    }
}

/* The sum of `size` values, weighted by a row of a low-pass. */
INLINE SPAN NAME(average)(const struct lowpass *lowpass, int64_t output, const SPAN *values,
                          int64_t size) {
    const REAL *weights = (const REAL *)lowpass->values + output * size;
    const int32_t last = lowpass->ranges[2 * output + 1];
    int32_t i = lowpass->ranges[2 * output];
    SPAN sums[4] = {{0}, {0}, {0}, {0}};
    for (; i + 4 <= last; i += 4)
#pragma unroll
        for (int j = 0; j < 4; j++)
            sums[j] += weights[i + j] * values[i + j];
    for (; i < last; i++)
        sums[0] += weights[i] * values[i];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/* Moduli of the columns abreast from `x` on, and their averages. */
static void NAME(take_moduli)(const struct scattering_step *step, int64_t x,
                              const NAME(step_workspace) * space, SPAN *moduli) {
    const int64_t height = step->down.size, outputs = step->low_down.outputs;
    const CSPAN *column = space->output;
    NAME(fourier)(&step->down, space->responses + x / ABREAST * space->stride, 1, space->output,
                  space->scratch);
    for (int64_t y = 0; y < height; y++)
        moduli[y] =
            __builtin_elementwise_sqrt(column[y].re * column[y].re + column[y].im * column[y].im);
    for (int64_t y = 0; y < outputs; y++) {
        const SPAN sums = NAME(average)(&step->low_down, y, moduli, height);
        OCTET *to = (OCTET *)(space->averages + y / ABREAST * space->width + x) + y % ABREAST;
#pragma unroll
        for (int column = 0; column < ABREAST; column++)
            to[column * ABREAST] = ((const OCTET *)&sums)[column];
    }
}

/* Half of the spectra along y of the two columns of moduli from `x` on: they are transformed as one
   complex one. */
static void NAME(begin_spectra)(const struct scattering_step *step, int64_t x,
                                const NAME(step_workspace) * space, CSPAN *next) {
    const int64_t height = step->down.size, width = step->across.size;
    const int two = x + ABREAST < width;
    for (int64_t y = 0; y < height; y++)
        space->input[y] = (CSPAN){space->moduli[y], two ? space->moduli[height + y] : (SPAN){0}};
    NAME(fourier)(&step->down, space->input, 1, space->output, space->scratch);
    for (int64_t y = 0; y <= height / 2; y++) {
        const CSPAN a = space->output[y], b = space->output[y ? height - y : 0];
        const CSPAN both[2] = {{(a.re + b.re) / 2, (a.im - b.im) / 2},
                               {(a.im + b.im) / 2, (b.re - a.re) / 2}};
        CSPAN *to = next + y / ABREAST * width + x;
#pragma unroll
        for (int column = 0; column < 2 * ABREAST; column++)
            if (x + column < width)
                NAME(set_octet)(to + column, y % ABREAST,
                                NAME(get_octet)(both + column / ABREAST, column % ABREAST));
    }
}

/* The same spectra along x, each row by itself. */
static void NAME(end_spectra)(const struct scattering_step *step,
                              const NAME(step_workspace) * space, CSPAN *next) {
    const int64_t width = step->across.size, groups = NAME(spans)(step->down.size / 2 + 1);
    for (int64_t i = 0; i < groups; i++) {
        NAME(fourier)(&step->across, next + i * width, 1, space->output, space->scratch);
        COCTET *rows = (COCTET *)(next + i * width);
        for (int octet = 0; octet < ABREAST; octet++)
            for (int64_t x = 0; x < width; x++)
                rows[octet * width + x] = NAME(get_octet)(space->output + x, octet);
    }
}

/* Coefficients of a member, from the averages of columns. */
static void NAME(put_coefficients)(const struct scattering_step *step, int32_t member,
                                   const NAME(step_workspace) * space, REAL *out) {
    const int64_t rows = step->low_down.outputs, columns = step->low_across.outputs;
    const int32_t *channels = step->channels + member * OCTET_SIZE;
    for (int64_t y = 0; y < rows; y += ABREAST)
        for (int64_t x = 0; x < columns; x++) {
            const SPAN sums =
                NAME(average)(&step->low_across, x, space->averages + y / ABREAST * space->width,
                              step->across.size);
            for (int octet = 0; octet < ABREAST && y + octet < rows; octet++)
                for (int lane = 0; lane < OCTET_SIZE; lane++)
                    if (channels[lane] >= 0)
                        out[(channels[lane] * rows + y + octet) * columns + x] =
                            sums[octet * OCTET_SIZE + lane];
        }
}

/* Coefficients of some members, and, if `next` is there, half of the spectra of their moduli. */
EXPORT void NAME(scatter_step)(const struct scattering_step *step, const void *spectra, void *next,
                               void *out, void *memory, int32_t first, int32_t last) {
    const NAME(step_workspace) space = NAME(step_layout)(step, (uintptr_t)memory);
    const int64_t height = step->down.size, width = step->across.size;
    for (int32_t member = first; member < last; member++) {
        NAME(respond)(step, spectra, member, &space);
        for (int64_t x = 0; x < width; x += 2 * ABREAST) {
            for (int i = 0; i < 2 && x + i * ABREAST < width; i++)
                NAME(take_moduli)(step, x + i * ABREAST, &space, space.moduli + i * height);
            if (next)
                NAME(begin_spectra)(step, x, &space, next);
        }
        if (next)
            NAME(end_spectra)(step, &space, next);
        NAME(put_coefficients)(step, member, &space, out);
    }
}

/* Coefficients of pictures, by first steps and those that are applied to their moduli. `next` holds
   the spectra of any step's moduli; from one picture to the next, spectra and coefficients lie so
   many numbers apart. */
EXPORT void NAME(scatter_pictures)(const struct scattering_step *steps, int32_t count,
                                   const void *spectra, int64_t spectrum, void *out,
                                   int64_t coefficients, int64_t pictures, void *next,
                                   void *memory) {
    for (int64_t picture = 0; picture < pictures; picture++) {
        const REAL *from = (const REAL *)spectra + picture * spectrum;
        REAL *to = (REAL *)out + picture * coefficients;
        for (const struct scattering_step *step = steps; step < steps + count; step++) {
            NAME(scatter_step)(step, from, step->second_count ? next : NULL, to, memory, 0,
                               step->members);
            for (int32_t i = 0; i < step->second_count; i++) {
                const struct scattering_step *second = step->seconds + i;
                NAME(scatter_step)(second, next, NULL, to, memory, 0, second->members);
            }
        }
    }
}
