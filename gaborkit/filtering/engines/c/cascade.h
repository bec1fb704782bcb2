/* A step of the scattering cascade for one precision: wavelet, modulus, low-pass, and the spectrum
   of the modulus for the wavelets that follow.

   Lanes are wavelets of one picture, or, when wavelets follow, the moduli that they are applied
   to. Inverse transforms are forward ones of spectra whose parts have changed places: the modulus
   does not tell.

   Rows are transformed, then columns, then columns of moduli and their rows. Each of these leaves
   its numbers where the next finds a line of them in a piece: what does not fit into the caches is
   read in the order in which it lies. */

/* What a step works in: columns of responses; two lines of waves, and what transforms work in; two
   columns of moduli; averages of columns, by rows. `line` and rows of averages reach as far beyond
   as lines stand abreast. */
typedef struct {
    int64_t stride, width; /* of a column of responses, and of a row of averages */
    WAVE *responses, *line, *other, *scratch;
    SPAN *moduli, *averages;
    uintptr_t end;
} NAME(workspace);

static NAME(workspace) NAME(laid_out)(const struct cascade *step, uintptr_t at) {
    const int64_t height = step->down.size, width = step->across.size;
    const int64_t longest = (height > width ? height : width) + ABREAST;
    NAME(workspace) work;
    /* One more than needed: else columns of many sizes meet in the same few sets of a cache. */
    work.stride = NAME(waves)(height) * ABREAST + 1;
    work.width = NAME(waves)(width) * ABREAST;
    work.responses = (WAVE *)at, at += NAME(waves)(width) * work.stride * sizeof(WAVE);
    work.line = (WAVE *)at, at += longest * sizeof(WAVE);
    work.other = (WAVE *)at, at += longest * sizeof(WAVE);
    work.scratch = (WAVE *)at, at += NAME(scratch_of)(&step->down, &step->across) * sizeof(WAVE);
    work.moduli = (SPAN *)at, at += 2 * height * sizeof(SPAN);
    work.averages = (SPAN *)at;
    work.end = at + NAME(waves)(step->low_down.outputs) * work.width * sizeof(SPAN);
    return work;
}

/* Bytes that `scatter` works in, and those of `next`. */
EXPORT int64_t NAME(scatter_memory)(const struct cascade *step) {
    return NAME(laid_out)(step, 0).end;
}

EXPORT int64_t NAME(scatter_spectra)(const struct cascade *step) {
    return NAME(waves)(step->down.size / 2 + 1) * step->across.size * sizeof(WAVE);
}

/* Add to a line a row of the product of spectra (finer grid, folded by tiles) and a wavelet; 0 if
   there is nothing to add. */
static int NAME(add_product)(const struct cascade *step, const void *spectra, int32_t member,
                             int64_t y, WAVE *row, int line) {
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
                POINT point = NAME(get_point)(row + x, line);
                point.re += weights[x] * spectrum[2 * x + 1];
                point.im += weights[x] * spectrum[2 * x];
                NAME(set_point)(row + x, line, point);
            }
            continue;
        }
        /* Of spectra of real values there is one half, and the conjugates of the other. */
        const REAL *weights = (const REAL *)step->values + place * width;
        const int is_there = 2 * v <= rows;
        const POINT *spectrum = (const POINT *)spectra + (is_there ? v : rows - v) * columns;
        for (int32_t x = first; x < last; x++) {
            const POINT *finer = spectrum + (is_there || !(u + x) ? u + x : columns - u - x);
            POINT point = NAME(get_point)(row + x, line);
            point.re += weights[x] * (is_there ? finer->im : -finer->im);
            point.im += weights[x] * finer->re;
            NAME(set_point)(row + x, line, point);
        }
    }
    return used;
}

/* Responses of a member along x: the columns of which `work` has them. */
static void NAME(respond)(const struct cascade *step, const void *spectra, int32_t member,
                          const NAME(workspace) * work) {
    const int64_t height = step->down.size, width = step->across.size;
    const int64_t lines = NAME(waves)(height);
    for (int64_t i = 0; i < lines; i++) {
        /* Rows y and height - y are products of the same rows, one of them conjugate. */
        const int64_t y = (i % 2 ? lines - (i + 1) / 2 : i / 2) * ABREAST;
        WAVE *row = work->other;
        memset(row, 0, work->width * sizeof(WAVE));
        int used = 0;
        for (int line = 0; line < ABREAST && y + line < height; line++)
            used |= NAME(add_product)(step, spectra, member, y + line, row, line);
        if (used) {
            NAME(fourier)(&step->across, row, 1, work->line, work->scratch);
            row = work->line;
        }
        for (int64_t x = 0; x < width; x += ABREAST) {
            WAVE *to = work->responses + x / ABREAST * work->stride + y;
#pragma unroll
            for (int line = 0; line < ABREAST; line++)
#pragma unroll
                for (int column = 0; column < ABREAST; column++)
                    NAME(set_point)(to + line, column, NAME(get_point)(row + x + column, line));
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

/* Moduli of the columns abreast at `x`, and their averages. */
static void NAME(take_moduli)(const struct cascade *step, int64_t x, const NAME(workspace) * work,
                              SPAN *moduli) {
    const int64_t height = step->down.size, outputs = step->low_down.outputs;
    const WAVE *column = work->line;
    NAME(fourier)(&step->down, work->responses + x / ABREAST * work->stride, 1, work->line,
                  work->scratch);
    for (int64_t y = 0; y < height; y++)
        moduli[y] =
            __builtin_elementwise_sqrt(column[y].re * column[y].re + column[y].im * column[y].im);
    for (int64_t y = 0; y < outputs; y++) {
        const SPAN sums = NAME(average)(&step->low_down, y, moduli, height);
        OCTET *to = (OCTET *)(work->averages + y / ABREAST * work->width + x) + y % ABREAST;
#pragma unroll
        for (int column = 0; column < ABREAST; column++)
            to[column * ABREAST] = ((const OCTET *)&sums)[column];
    }
}

/* Half of the spectra along y of the two columns of moduli, which begin at `x`: they are
   transformed as one. */
static void NAME(begin_spectra)(const struct cascade *step, int64_t x, const NAME(workspace) * work,
                                WAVE *next) {
    const int64_t height = step->down.size, width = step->across.size;
    const int two = x + ABREAST < width;
    for (int64_t y = 0; y < height; y++)
        work->other[y] = (WAVE){work->moduli[y], two ? work->moduli[height + y] : (SPAN){0}};
    NAME(fourier)(&step->down, work->other, 1, work->line, work->scratch);
    for (int64_t y = 0; y <= height / 2; y++) {
        const WAVE a = work->line[y], b = work->line[y ? height - y : 0];
        const WAVE both[2] = {{(a.re + b.re) / 2, (a.im - b.im) / 2},
                              {(a.im + b.im) / 2, (b.re - a.re) / 2}};
        WAVE *to = next + y / ABREAST * width + x;
#pragma unroll
        for (int column = 0; column < 2 * ABREAST; column++)
            if (x + column < width)
                NAME(set_point)(to + column, y % ABREAST,
                                NAME(get_point)(both + column / ABREAST, column % ABREAST));
    }
}

/* The same spectra along x, each row by itself. */
static void NAME(end_spectra)(const struct cascade *step, const NAME(workspace) * work,
                              WAVE *next) {
    const int64_t width = step->across.size, lines = NAME(waves)(step->down.size / 2 + 1);
    for (int64_t i = 0; i < lines; i++) {
        NAME(fourier)(&step->across, next + i * width, 1, work->line, work->scratch);
        POINT *rows = (POINT *)(next + i * width);
        for (int line = 0; line < ABREAST; line++)
            for (int64_t x = 0; x < width; x++)
                rows[line * width + x] = NAME(get_point)(work->line + x, line);
    }
}

/* Coefficients of a member, from the averages of columns. */
static void NAME(put_coefficients)(const struct cascade *step, int32_t member,
                                   const NAME(workspace) * work, REAL *out) {
    const int64_t rows = step->low_down.outputs, columns = step->low_across.outputs;
    const int32_t *channels = step->channels + member * PLANES;
    for (int64_t y = 0; y < rows; y += ABREAST)
        for (int64_t x = 0; x < columns; x++) {
            const SPAN sums =
                NAME(average)(&step->low_across, x, work->averages + y / ABREAST * work->width,
                              step->across.size);
            for (int line = 0; line < ABREAST && y + line < rows; line++)
                for (int lane = 0; lane < PLANES; lane++)
                    if (channels[lane] >= 0)
                        out[(channels[lane] * rows + y + line) * columns + x] =
                            sums[line * PLANES + lane];
        }
}

/* Coefficients of some members, and, if `next` is there, half of the spectra of their moduli. */
EXPORT void NAME(scatter)(const struct cascade *step, const void *spectra, void *next, void *out,
                          void *memory, int32_t first, int32_t last) {
    const NAME(workspace) work = NAME(laid_out)(step, (uintptr_t)memory);
    const int64_t height = step->down.size, width = step->across.size;
    for (int64_t x = 0; x < ABREAST; x++)
        work.line[width + x] = (WAVE){{0}, {0}};
    for (int32_t member = first; member < last; member++) {
        NAME(respond)(step, spectra, member, &work);
        for (int64_t x = 0; x < width; x += 2 * ABREAST) {
            for (int i = 0; i < 2 && x + i * ABREAST < width; i++)
                NAME(take_moduli)(step, x + i * ABREAST, &work, work.moduli + i * height);
            if (next)
                NAME(begin_spectra)(step, x, &work, next);
        }
        if (next)
            NAME(end_spectra)(step, &work, next);
        NAME(put_coefficients)(step, member, &work, out);
    }
}

/* Coefficients of pictures, a step and what follows it after the other. `next` holds the spectra of
   any step's moduli; from one picture to the next, spectra and coefficients lie so many numbers
   apart. */
EXPORT void NAME(scatter_pictures)(const struct cascade *steps, int32_t count, const void *spectra,
                                   int64_t spectrum, void *out, int64_t coefficients,
                                   int64_t pictures, void *next, void *memory) {
    for (int64_t picture = 0; picture < pictures; picture++) {
        const REAL *from = (const REAL *)spectra + picture * spectrum;
        REAL *to = (REAL *)out + picture * coefficients;
        for (const struct cascade *step = steps; step < steps + count; step++) {
            NAME(scatter)(step, from, step->follows ? next : NULL, to, memory, 0, step->members);
            for (int32_t i = 0; i < step->follows; i++) {
                const struct cascade *then = step->following + i;
                NAME(scatter)(then, next, NULL, to, memory, 0, then->members);
            }
        }
    }
}
