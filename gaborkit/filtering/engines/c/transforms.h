/* Fourier transforms of eight pictures side by side, one a lane, for one precision: no number
   crosses lanes, so any size is as wide as the registers. Where registers hold more than eight
   numbers, lines of the same pictures stand abreast. Mixed radix, by decimation in time. */

/* Loops over a radix that is no constant stay loops. */
#pragma clang diagnostic ignored "-Wpass-failed"

#define ABREAST                                                                                    \
    (VECTOR_BYTES > PLANES * sizeof(REAL) ? (int)(VECTOR_BYTES / (PLANES * sizeof(REAL))) : 1)
#define OCTET NAME(octet)
#define SPAN NAME(span)
#define POINT NAME(point)
#define WAVE NAME(wave)
typedef REAL OCTET __attribute__((vector_size(PLANES * sizeof(REAL))));
typedef REAL SPAN __attribute__((vector_size(ABREAST * PLANES * sizeof(REAL))));
typedef struct {
    OCTET re, im;
} POINT; /* a number of one line */
typedef struct {
    SPAN re, im;
} WAVE; /* a number of each line abreast */

/* The number of one of the lines abreast. */
INLINE POINT NAME(get_point)(const WAVE *wave, int line) {
    const OCTET *octets = (const OCTET *)wave + line;
    return (POINT){octets[0], octets[ABREAST]};
}

INLINE void NAME(set_point)(WAVE *wave, int line, POINT point) {
    OCTET *octets = (OCTET *)wave + line;
    octets[0] = point.re, octets[ABREAST] = point.im;
}

/* Waves that hold so many lines. */
INLINE int64_t NAME(waves)(int64_t lines) { return (lines + ABREAST - 1) / ABREAST; }

INLINE WAVE NAME(turned)(const WAVE *wave, const REAL *turn) {
    const REAL c = turn[0], s = turn[1];
    return (WAVE){wave->re * c - wave->im * s, wave->re * s + wave->im * c};
}

INLINE WAVE NAME(sum)(WAVE a, WAVE b) { return (WAVE){a.re + b.re, a.im + b.im}; }

INLINE WAVE NAME(difference)(WAVE a, WAVE b) { return (WAVE){a.re - b.re, a.im - b.im}; }

/* a + i b */
INLINE WAVE NAME(ahead)(WAVE a, WAVE b) { return (WAVE){a.re - b.im, a.im + b.re}; }

/* a - i b */
INLINE WAVE NAME(behind)(WAVE a, WAVE b) { return (WAVE){a.re + b.im, a.im - b.re}; }

INLINE void NAME(four)(const WAVE *x, WAVE *out, ptrdiff_t to) {
    const WAVE a = NAME(sum)(x[0], x[2]), b = NAME(difference)(x[0], x[2]);
    const WAVE c = NAME(sum)(x[1], x[3]), d = NAME(difference)(x[1], x[3]);
    out[0] = NAME(sum)(a, c), out[to] = NAME(behind)(b, d);
    out[2 * to] = NAME(difference)(a, c), out[3 * to] = NAME(ahead)(b, d);
}

/* Two fours, the second of which is turned by eighths. */
INLINE void NAME(eight)(const WAVE *x, WAVE *out, ptrdiff_t to) {
    const REAL root = (REAL)0.70710678118654752440;
    const WAVE even[4] = {x[0], x[2], x[4], x[6]}, odd[4] = {x[1], x[3], x[5], x[7]};
    WAVE a[4], b[4];
    NAME(four)(even, a, 1);
    NAME(four)(odd, b, 1);
    const WAVE c = {(b[1].re + b[1].im) * root, (b[1].im - b[1].re) * root};
    const WAVE d = {(b[3].im - b[3].re) * root, (b[3].re + b[3].im) * -root};
    out[0] = NAME(sum)(a[0], b[0]), out[4 * to] = NAME(difference)(a[0], b[0]);
    out[to] = NAME(sum)(a[1], c), out[5 * to] = NAME(difference)(a[1], c);
    out[2 * to] = NAME(behind)(a[2], b[2]), out[6 * to] = NAME(ahead)(a[2], b[2]);
    out[3 * to] = NAME(sum)(a[3], d), out[7 * to] = NAME(difference)(a[3], d);
}

/* An odd radix: the sums and differences of x_j and x_(radix - j) meet the cosines and sines of
   1 / radix turns, of which `roots` has one every `step`. */
INLINE void NAME(odd)(const WAVE *x, WAVE *out, ptrdiff_t to, int radix, const REAL *roots,
                      ptrdiff_t step) {
    const int half = radix / 2;
    WAVE sums[LARGEST / 2 + 1], differences[LARGEST / 2 + 1], total = x[0];
#pragma unroll
    for (int j = 1; j <= half; j++) {
        sums[j] = NAME(sum)(x[j], x[radix - j]);
        differences[j] = NAME(difference)(x[j], x[radix - j]);
        total = NAME(sum)(total, sums[j]);
    }
    out[0] = total;
#pragma unroll
    for (int k = 1; k <= half; k += 2) {
        /* Two at a time, for as many multiplications as loads; the last may be done twice. */
        const int l = k < half ? k + 1 : k;
        WAVE even = x[0], odd = {{0}, {0}}, even_2 = x[0], odd_2 = {{0}, {0}};
#pragma unroll
        for (int j = 1; j <= half; j++) {
            const REAL *root = roots + 2 * (j * k % radix) * step;
            const REAL *root_2 = roots + 2 * (j * l % radix) * step;
            even.re += root[0] * sums[j].re, even.im += root[0] * sums[j].im;
            odd.re += root[1] * differences[j].re, odd.im += root[1] * differences[j].im;
            even_2.re += root_2[0] * sums[j].re, even_2.im += root_2[0] * sums[j].im;
            odd_2.re += root_2[1] * differences[j].re, odd_2.im += root_2[1] * differences[j].im;
        }
        out[k * to] = NAME(ahead)(even, odd), out[(radix - k) * to] = NAME(behind)(even, odd);
        out[l * to] = NAME(ahead)(even_2, odd_2);
        out[(radix - l) * to] = NAME(behind)(even_2, odd_2);
    }
}

/* Transforms of `radix` numbers, `count` times; the first of each stand side by side. In place if
   `in` is `out`. */
INLINE void NAME(combine)(const struct transform *axis, const WAVE *in, ptrdiff_t from, WAVE *out,
                          ptrdiff_t count, ptrdiff_t step, const int radix) {
    const REAL *turns = axis->turns;
    WAVE x[LARGEST];
    for (ptrdiff_t k = 0; k < count; k++) {
        x[0] = in[k];
#pragma unroll
        for (int q = 1; q < radix; q++)
            x[q] = count == 1 ? in[q * from]
                              : NAME(turned)(in + k + q * from, turns + 2 * q * k * step);
        if (radix == 8)
            NAME(eight)(x, out + k, count);
        else if (radix == 4)
            NAME(four)(x, out + k, count);
        else if (radix == 2)
            out[k] = NAME(sum)(x[0], x[1]), out[k + count] = NAME(difference)(x[0], x[1]);
        else if (radix == 1)
            out[k] = x[0];
        else
            NAME(odd)(x, out + k, count, radix, turns, axis->size / radix);
    }
}

/* Transform of every `from`-th wave of `in`; from outside: size, factors of the axis, and 1. */
static void NAME(transform)(const struct transform *axis, const WAVE *in, ptrdiff_t from, WAVE *out,
                            ptrdiff_t size, const int32_t *factors, ptrdiff_t step) {
    const int radix = *factors;
    const ptrdiff_t count = size / radix;
    if (count > 1) {
        for (int q = 0; q < radix; q++)
            NAME(transform)(axis, in + q * from, from * radix, out + q * count, count, factors + 1,
                            step * radix);
        in = out, from = count;
    }
    switch (radix) {
        case 2:
            NAME(combine)(axis, in, from, out, count, step, 2);
            break;
        case 3:
            NAME(combine)(axis, in, from, out, count, step, 3);
            break;
        case 4:
            NAME(combine)(axis, in, from, out, count, step, 4);
            break;
        case 5:
            NAME(combine)(axis, in, from, out, count, step, 5);
            break;
        case 7:
            NAME(combine)(axis, in, from, out, count, step, 7);
            break;
        case 8:
            NAME(combine)(axis, in, from, out, count, step, 8);
            break;
        case 9:
            NAME(combine)(axis, in, from, out, count, step, 9);
            break;
        case 17: /* 512 pixels, padded as kymatio does, are 17 * 32 */
            NAME(combine)(axis, in, from, out, count, step, 17);
            break;
        default:
            NAME(combine)(axis, in, from, out, count, step, radix);
    }
}

/* Transform of a size with a large prime factor, as a convolution with a chirp (Bluestein, 1970).
 */
static void NAME(convolved)(const struct transform *axis, const WAVE *in, ptrdiff_t from, WAVE *out,
                            WAVE *scratch) {
    const struct transform *longer = axis->longer;
    const REAL *chirp = axis->chirp, *response = axis->response;
    WAVE *padded = scratch, *waves = scratch + longer->size;
    for (ptrdiff_t i = 0; i < axis->size; i++)
        padded[i] = NAME(turned)(in + i * from, chirp + 2 * i);
    memset(padded + axis->size, 0, (longer->size - axis->size) * sizeof(WAVE));
    NAME(transform)(longer, padded, 1, waves, longer->size, longer->factors, 1);
    /* Back by a forward transform of numbers whose parts have changed places. */
    for (ptrdiff_t i = 0; i < longer->size; i++) {
        const WAVE product = NAME(turned)(waves + i, response + 2 * i);
        padded[i] = (WAVE){product.im, product.re};
    }
    NAME(transform)(longer, padded, 1, waves, longer->size, longer->factors, 1);
    for (ptrdiff_t i = 0; i < axis->size; i++) {
        const WAVE back = {waves[i].im, waves[i].re};
        out[i] = NAME(turned)(&back, chirp + 2 * i);
    }
}

/* Waves that `fourier` works in, along either axis. */
static int64_t NAME(scratch_of)(const struct transform *down, const struct transform *across) {
    const int64_t first = down->longer ? 2 * down->longer->size : 0;
    const int64_t second = across->longer ? 2 * across->longer->size : 0;
    return first > second ? first : second;
}

INLINE void NAME(fourier)(const struct transform *axis, const WAVE *in, ptrdiff_t from, WAVE *out,
                          WAVE *scratch) {
    if (axis->longer)
        NAME(convolved)(axis, in, from, out, scratch);
    else
        NAME(transform)(axis, in, from, out, axis->size, axis->factors, 1);
}
