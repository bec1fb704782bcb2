/* Fourier transforms of eight lines side by side, one a lane, for one precision: no number crosses
   lanes, so any size is as wide as the registers. Where registers hold more than eight numbers,
   several such octets of lines stand abreast. Mixed radix, by decimation in time. */

/* Loops over a radix that is no constant stay loops. */
#pragma clang diagnostic ignored "-Wpass-failed"

#define ABREAST                                                                                    \
    (VECTOR_BYTES > OCTET_SIZE * sizeof(REAL) ? (int)(VECTOR_BYTES / (OCTET_SIZE * sizeof(REAL)))  \
                                              : 1)
#define SPAN_SIZE ((int)(ABREAST * OCTET_SIZE))
#define OCTET NAME(octet)
#define SPAN NAME(span)
#define COCTET NAME(coctet)
#define CSPAN NAME(cspan)
typedef REAL OCTET __attribute__((vector_size(OCTET_SIZE * sizeof(REAL))));
typedef REAL SPAN __attribute__((vector_size(SPAN_SIZE * sizeof(REAL))));
typedef struct {
    OCTET re, im;
} COCTET; /* complex numbers of one octet of lines */
typedef struct {
    SPAN re, im;
} CSPAN; /* of all octets abreast */

/* Numbers of one of the octets abreast. */
INLINE COCTET NAME(get_octet)(const CSPAN *numbers, int octet) {
    const OCTET *octets = (const OCTET *)numbers + octet;
    return (COCTET){octets[0], octets[ABREAST]};
}

INLINE void NAME(set_octet)(CSPAN *numbers, int octet, COCTET value) {
    OCTET *octets = (OCTET *)numbers + octet;
    octets[0] = value.re, octets[ABREAST] = value.im;
}

/* Spans that hold so many octets. */
INLINE int64_t NAME(spans)(int64_t octets) { return (octets + ABREAST - 1) / ABREAST; }

/* Times a complex number. */
INLINE CSPAN NAME(times)(const CSPAN *numbers, const REAL *factor) {
    const REAL c = factor[0], s = factor[1];
    return (CSPAN){numbers->re * c - numbers->im * s, numbers->re * s + numbers->im * c};
}

INLINE CSPAN NAME(sum)(CSPAN a, CSPAN b) { return (CSPAN){a.re + b.re, a.im + b.im}; }

INLINE CSPAN NAME(difference)(CSPAN a, CSPAN b) { return (CSPAN){a.re - b.re, a.im - b.im}; }

/* a + i b */
INLINE CSPAN NAME(ahead)(CSPAN a, CSPAN b) { return (CSPAN){a.re - b.im, a.im + b.re}; }

/* a - i b */
INLINE CSPAN NAME(behind)(CSPAN a, CSPAN b) { return (CSPAN){a.re + b.im, a.im - b.re}; }

INLINE void NAME(four)(const CSPAN *x, CSPAN *out, ptrdiff_t to) {
    const CSPAN a = NAME(sum)(x[0], x[2]), b = NAME(difference)(x[0], x[2]);
    const CSPAN c = NAME(sum)(x[1], x[3]), d = NAME(difference)(x[1], x[3]);
    out[0] = NAME(sum)(a, c), out[to] = NAME(behind)(b, d);
    out[2 * to] = NAME(difference)(a, c), out[3 * to] = NAME(ahead)(b, d);
}

/* Two fours, the second of which is multiplied by eighth roots of unity. */
INLINE void NAME(eight)(const CSPAN *x, CSPAN *out, ptrdiff_t to) {
    const REAL root = (REAL)0.70710678118654752440;
    const CSPAN even[4] = {x[0], x[2], x[4], x[6]}, odd[4] = {x[1], x[3], x[5], x[7]};
    CSPAN a[4], b[4];
    NAME(four)(even, a, 1);
    NAME(four)(odd, b, 1);
    const CSPAN c = {(b[1].re + b[1].im) * root, (b[1].im - b[1].re) * root};
    const CSPAN d = {(b[3].im - b[3].re) * root, (b[3].re + b[3].im) * -root};
    out[0] = NAME(sum)(a[0], b[0]), out[4 * to] = NAME(difference)(a[0], b[0]);
    out[to] = NAME(sum)(a[1], c), out[5 * to] = NAME(difference)(a[1], c);
    out[2 * to] = NAME(behind)(a[2], b[2]), out[6 * to] = NAME(ahead)(a[2], b[2]);
    out[3 * to] = NAME(sum)(a[3], d), out[7 * to] = NAME(difference)(a[3], d);
}

/* An odd radix: the sums and differences of x_j and x_(radix - j) meet cosines and sines, those of
   every `stride`-th of the roots of unity. */
INLINE void NAME(odd)(const CSPAN *x, CSPAN *out, ptrdiff_t to, int radix, const REAL *roots,
                      ptrdiff_t stride) {
    const int half = radix / 2;
    CSPAN sums[LARGEST / 2 + 1], differences[LARGEST / 2 + 1], total = x[0];
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
        CSPAN even = x[0], odd = {{0}, {0}}, even_2 = x[0], odd_2 = {{0}, {0}};
#pragma unroll
        for (int j = 1; j <= half; j++) {
            const REAL *root = roots + 2 * (j * k % radix) * stride;
            const REAL *root_2 = roots + 2 * (j * l % radix) * stride;
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

/* The last stage of a transform of `radix` times `count` numbers: `count` transforms of `radix`.
   The numbers in[k + q * from] come from the `radix` transforms before, and are multiplied by
   twiddle factors, every `stride`-th root of unity; before a first stage, where `count` is 1, there
   is none. In place if `in` is `out`. */
INLINE void NAME(combine)(const struct transform *axis, const CSPAN *in, ptrdiff_t from, CSPAN *out,
                          ptrdiff_t count, ptrdiff_t stride, const int radix) {
    const REAL *roots = axis->roots;
    CSPAN x[LARGEST];
    for (ptrdiff_t k = 0; k < count; k++) {
        x[0] = in[k];
#pragma unroll
        for (int q = 1; q < radix; q++)
            x[q] = count == 1 ? in[q * from]
                              : NAME(times)(in + k + q * from, roots + 2 * q * k * stride);
        if (radix == 8)
            NAME(eight)(x, out + k, count);
        else if (radix == 4)
            NAME(four)(x, out + k, count);
        else if (radix == 2)
            out[k] = NAME(sum)(x[0], x[1]), out[k + count] = NAME(difference)(x[0], x[1]);
        else if (radix == 1)
            out[k] = x[0];
        else
            NAME(odd)(x, out + k, count, radix, roots, axis->size / radix);
    }
}

/* Transform of `size` numbers, every `from`-th of `in`, a part of the axis whose roots of unity are
   every `stride`-th of the axis's. */
static void NAME(transform)(const struct transform *axis, const CSPAN *in, ptrdiff_t from,
                            CSPAN *out, ptrdiff_t size, const int32_t *factors, ptrdiff_t stride) {
    const int radix = *factors;
    const ptrdiff_t count = size / radix;
    if (count > 1) {
        for (int q = 0; q < radix; q++)
            NAME(transform)(axis, in + q * from, from * radix, out + q * count, count, factors + 1,
                            stride * radix);
        in = out, from = count;
    }
    switch (radix) {
        case 2:
            NAME(combine)(axis, in, from, out, count, stride, 2);
            break;
        case 3:
            NAME(combine)(axis, in, from, out, count, stride, 3);
            break;
        case 4:
            NAME(combine)(axis, in, from, out, count, stride, 4);
            break;
        case 5:
            NAME(combine)(axis, in, from, out, count, stride, 5);
            break;
        case 7:
            NAME(combine)(axis, in, from, out, count, stride, 7);
            break;
        case 8:
            NAME(combine)(axis, in, from, out, count, stride, 8);
            break;
        case 9:
            NAME(combine)(axis, in, from, out, count, stride, 9);
            break;
        case 17: /* 512 pixels, padded as kymatio does, are 17 * 32 */
            NAME(combine)(axis, in, from, out, count, stride, 17);
            break;
        default:
            NAME(combine)(axis, in, from, out, count, stride, radix);
    }
}

/* Of a size with a large prime factor: convolution with a chirp (Bluestein, 1970). */
static void NAME(convolved)(const struct transform *axis, const CSPAN *in, ptrdiff_t from,
                            CSPAN *out, CSPAN *scratch) {
    const struct transform *longer = axis->longer;
    const REAL *chirp = axis->chirp, *response = axis->response;
    CSPAN *padded = scratch, *spectrum = scratch + longer->size;
    for (ptrdiff_t i = 0; i < axis->size; i++)
        padded[i] = NAME(times)(in + i * from, chirp + 2 * i);
    memset(padded + axis->size, 0, (longer->size - axis->size) * sizeof(CSPAN));
    NAME(transform)(longer, padded, 1, spectrum, longer->size, longer->factors, 1);
    /* Back by a forward transform of numbers whose parts have changed places. */
    for (ptrdiff_t i = 0; i < longer->size; i++) {
        const CSPAN product = NAME(times)(spectrum + i, response + 2 * i);
        padded[i] = (CSPAN){product.im, product.re};
    }
    NAME(transform)(longer, padded, 1, spectrum, longer->size, longer->factors, 1);
    for (ptrdiff_t i = 0; i < axis->size; i++) {
        const CSPAN back = {spectrum[i].im, spectrum[i].re};
        out[i] = NAME(times)(&back, chirp + 2 * i);
    }
}

/* Spans that `fourier` works in, along either axis. */
static int64_t NAME(scratch_of)(const struct transform *down, const struct transform *across) {
    const int64_t first = down->longer ? 2 * down->longer->size : 0;
    const int64_t second = across->longer ? 2 * across->longer->size : 0;
    return first > second ? first : second;
}

/* Transform of every `from`-th number of `in`, as many as the axis has. */
INLINE void NAME(fourier)(const struct transform *axis, const CSPAN *in, ptrdiff_t from, CSPAN *out,
                          CSPAN *scratch) {
    if (axis->longer)
        NAME(convolved)(axis, in, from, out, scratch);
    else
        NAME(transform)(axis, in, from, out, axis->size, axis->factors, 1);
}
