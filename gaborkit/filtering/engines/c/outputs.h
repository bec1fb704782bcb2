/* What becomes of responses, for one precision and one register width: stored, summed, compared.

   Responses come in strips: as many columns as a few registers of each part hold. */

#define LANES ((int)(VECTOR_BYTES / sizeof(REAL)))
#define VECTORS 4
#define STRIP (VECTORS * LANES)
#define TILE ((int)(TILE_BYTES / sizeof(REAL)))

typedef REAL NAME(vector) __attribute__((vector_size(VECTOR_BYTES)));
typedef REAL NAME(unaligned) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(REAL))));
#define VECTOR NAME(vector)
#define LOAD(from) ((VECTOR)(*(const NAME(unaligned) *)(from)))
#define STORE(to, value) (*(NAME(unaligned) *)(to) = (value))

/* Sums of what a kernel answers, less its first answer: deviations keep their digits. */
typedef struct {
    VECTOR shift, sum, square;
    int strips;
} NAME(moments);

/* What one thread works with, and the memory that it may lay out anew for each piece. */
typedef struct {
    REAL *spare;             /* a strip of complex numbers */
    NAME(moments) * moments; /* of each kernel */
    double *sums;            /* the thread's own, of a job that sums */
    const int32_t *stop;     /* not zero: nobody wants the rest */
} NAME(desk);

static void NAME(flush)(NAME(moments) * moments, double *sums) {
    const double shift = moments->shift[0], count = (double)moments->strips * STRIP;
    double sum = 0, square = 0;
    for (int i = 0; i < LANES; i++)
        sum += moments->sum[i], square += moments->square[i];
    sums[0] += sum + count * shift;
    sums[1] += square + 2 * shift * sum + count * shift * shift;
    moments->strips = 0;
}

INLINE void NAME(sum_up)(NAME(moments) * moments, const VECTOR *values, double *sums) {
    if (!moments->strips) {
        moments->shift = (VECTOR){0} + values[0][0];
        moments->sum = moments->square = (VECTOR){0};
    }
#pragma unroll
    for (int j = 0; j < VECTORS; j++) {
        const VECTOR value = values[j] - moments->shift;
        moments->sum += value, moments->square += value * value;
    }
    if (++moments->strips == STRIPS)
        NAME(flush)(moments, sums);
}

/* A strip of one part of a response, from its real and imaginary part. */
INLINE void NAME(part)(int part, const VECTOR *real, const VECTOR *imag, VECTOR *values) {
#pragma unroll
    for (int j = 0; j < VECTORS; j++) {
        const VECTOR energy = real[j] * real[j] + imag[j] * imag[j];
        values[j] = part == MAGNITUDE   ? __builtin_elementwise_sqrt(energy)
                    : part == ENERGY    ? energy
                    : part == REAL_PART ? real[j]
                                        : imag[j];
    }
}

/* Copy past the caches, 16 bytes at a time: nobody reads it here again. */
static void NAME(stream)(char *to, const char *from, size_t size) {
    typedef REAL quarter __attribute__((vector_size(16)));
    typedef REAL loose __attribute__((vector_size(16), aligned(sizeof(REAL))));
    for (size_t place = 0; place < size; place += 16)
        __builtin_nontemporal_store((quarter)(*(const loose *)(from + place)),
                                    (quarter *)(to + place));
}

INLINE void NAME(put)(REAL *to, const VECTOR *values, const int count, const int stream) {
#pragma unroll
    for (int j = 0; j < count; j++)
        if (stream)
            __builtin_nontemporal_store(values[j], (VECTOR *)(to + j * LANES));
        else
            STORE(to + j * LANES, values[j]);
}

/* `count` vectors, of which `valid` numbers count, to where a response is stored.

   Past the caches only where the addresses allow: lines of the caches that are written both ways
   take several times as long. */
INLINE void NAME(store)(REAL *to, const VECTOR *values, const int count, int valid, REAL *spare) {
    const int whole = valid == count * LANES;
    const size_t size = valid * sizeof(REAL);
    if (whole && ((uintptr_t)to & (VECTOR_BYTES - 1)) == 0) {
        NAME(put)(to, values, count, 1);
    } else if (whole && (uintptr_t)to & 15) {
        NAME(put)(to, values, count, 0);
    } else {
        NAME(put)(spare, values, count, 0);
        if (((uintptr_t)to | size) & 15)
            memcpy(to, spare, size);
        else
            NAME(stream)((char *)to, (const char *)spare, size);
    }
}

/* A strip of one row of response k, of which `valid` columns lie in the picture. */
INLINE void NAME(finish)(const struct job *job, const VECTOR *real, const VECTOR *imag, int k,
                         ptrdiff_t image, ptrdiff_t place, int valid, const NAME(desk) * desk) {
    REAL *const *outs = (REAL *const *)job->outs;
    place += image * job->out_stride + job->skipped;
    VECTOR values[2 * VECTORS];
    if (job->part == COMPLEX) {
#pragma unroll
        for (int j = 0; j < VECTORS; j++) {
            values[2 * j] = NAME(low)(real[j], imag[j]);
            values[2 * j + 1] = NAME(high)(real[j], imag[j]);
        }
        NAME(store)(outs[k] + 2 * place, values, 2 * VECTORS, 2 * valid, desk->spare);
        return;
    }
    if (job->part == SPLIT) { /* soon read again */
        REAL *to = valid == STRIP ? outs[k] + place : desk->spare;
        const ptrdiff_t split = valid == STRIP ? job->split : STRIP;
        NAME(put)(to, real, VECTORS, 0);
        NAME(put)(to + split, imag, VECTORS, 0);
        if (valid < STRIP) {
            memcpy(outs[k] + place, to, valid * sizeof(REAL));
            memcpy(outs[k] + place + job->split, to + STRIP, valid * sizeof(REAL));
        }
        return;
    }
#define CASE(name)                                                                                 \
    case name:                                                                                     \
        NAME(part)(name, real, imag, values);                                                      \
        break;
    switch (job->part) {
        CASE(REAL_PART)
        CASE(IMAG)
        CASE(MAGNITUDE)
        CASE(ENERGY)
    }
#undef CASE
    const ptrdiff_t own = 2 * (image * job->kernels + k);
    if (job->use == STORED) {
        NAME(store)(outs[k] + place, values, VECTORS, valid, desk->spare);
    } else if (job->use == SUMMED && valid == STRIP) {
        NAME(sum_up)(desk->moments + k, values, desk->sums + own);
    } else {
        const REAL *spare = desk->spare;
        NAME(put)(desk->spare, values, VECTORS, 0);
        if (job->use == SUMMED) {
            double *sums = desk->sums + own;
            for (int i = 0; i < valid; i++)
                sums[0] += spare[i], sums[1] += (double)spare[i] * spare[i];
            return;
        }
        REAL *largest = outs[k] + place;
        int16_t *index = (int16_t *)job->indices[k] + place;
        const int16_t name = job->names[k];
        /* Of equals the first in the bank wins, in whatever order stages and kernels come. */
        for (int i = 0; i < valid; i++) {
            const int wins = spare[i] > largest[i] || (spare[i] == largest[i] && name < index[i]);
            index[i] = wins ? name : index[i];
            largest[i] = wins ? spare[i] : largest[i];
        }
    }
}

/* The end of a piece: what is summed in registers' width is added to the thread's sums. */
static void NAME(settle)(const struct job *job, ptrdiff_t image, const NAME(desk) * desk) {
    for (int k = 0; k < job->kernels; k++)
        if (desk->moments[k].strips)
            NAME(flush)(desk->moments + k, desk->sums + 2 * (image * job->kernels + k));
}
