/* The separable engine: a bank of kernels that are sums of a few outer products.

   Compiled once for each register width that the processor may have, with VECTOR_BYTES, and
   VARIANT as the ending of exported names; separable.py picks one. No part of the Python API. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
__declspec(dllimport) int __stdcall SwitchToThread(void);
#define give_way() SwitchToThread()
#else
#include <sched.h>
#define give_way() sched_yield()
#endif

#define INLINE static inline __attribute__((always_inline))
#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

#define CACHE_LINE 64

/* Bytes of a row under a tile; rows whose passes are made ahead of the columns' turn; output rows
   for which products are held. */
#define TILE_BYTES 256
#define AHEAD 64
#define BLOCK 8

/* Tiles that are doubled side by side; rows of a piece that is halved; strips that are summed in
   single precision. */
#define DOUBLED 2
#define LINES 16
#define STRIPS 16

/* Looks for work until a thread that finds none lets others run. */
#define PATIENCE 2000

#if VECTOR_BYTES == 64 || defined(__aarch64__)
#define REGISTERS 32
#else
#define REGISTERS 16
#endif

/* SPLIT is both parts, each in a plane of its own: what halved pictures are doubled from. */
enum part { COMPLEX, REAL_PART, IMAG, MAGNITUDE, ENERGY, SPLIT };
enum use { STORED, SUMMED, COMPARED };
enum kind { HALVE_ROWS, HALVE_COLUMNS, FILTER, TWICE };

/* Up to two even and two odd filters that are applied together. */
struct group {
    int32_t source; /* row filter whose passes are convolved; unused by row filters */
    int32_t first;  /* output of the first filter */
    int32_t even, odd;
    int32_t taps; /* place of the taps (radius + 1, filter) */
};

struct bank {
    int32_t radius, row_filters, products, row_groups, column_groups;
    const struct group *groups; /* of rows, then of columns */
    const void *taps;
    const int32_t *starts, *terms; /* sparse rows: real and imaginary part of each kernel */
    const void *weights;
    const void *biases; /* added to each part of each kernel, of each image */
};

struct picture {
    const void *image;
    int64_t image_stride, stride; /* from one image, and one row, to the next */
    int64_t images, height, width;
    const int64_t *rows, *columns; /* source of each padded row and column; -1 is a zero */
    const double *levels;          /* taken off each image */
};

struct job {
    void *const *outs;    /* a plane each kernel */
    void *const *indices; /* COMPARED: a plane of int16 each kernel */
    const int16_t *names; /* COMPARED: what is written there */
    int64_t out_stride;   /* from the plane of one image to that of the next */
    int64_t skipped;      /* pixels of each plane before the first that is written */
    int64_t band;         /* rows of a piece */
    int64_t split;        /* SPLIT: from the real part's plane to the imaginary part's */
    double *sums;         /* SUMMED: (image, kernel, 2), for each thread */
    int64_t sums_step;    /* from one thread's to the next */
    int32_t part, use, kernels;
};

struct filtering {
    struct bank bank;
    struct picture picture;
    struct job job;
};

struct halving {
    struct picture picture;
    const void *taps;
    void *between, *out; /* halved along x; along both */
    int64_t rows_out, columns_out;
    int32_t count; /* of taps */
};

struct doubling {
    struct job job;
    const void *coarse, *taps, *biases;
    int64_t coarse_height, coarse_width, first_row, first_column, height, width;
    int32_t count, together; /* taps; kernels of a piece */
};

/* Pieces of work that threads take; `after` are the places of stages that must be done before. */
struct stage {
    int32_t kind, waits; /* how many */
    int64_t pieces, next, done;
    const int32_t *after;
    const void *work;
};

static inline int is_due(const struct stage *stages, const struct stage *stage) {
    for (int32_t i = 0; i < stage->waits; i++) {
        const struct stage *before = stages + stage->after[i];
        if (__atomic_load_n(&before->done, __ATOMIC_ACQUIRE) < before->pieces)
            return 0;
    }
    return 1;
}

static inline int is_stopped(const int32_t *stop) {
    return __atomic_load_n(stop, __ATOMIC_RELAXED);
}

/* Lines that are transformed side by side, and the largest radix. */
#define OCTET_SIZE 8
#define LARGEST 64

struct transform {
    int64_t size;
    const int32_t *factors; /* radices, from the last stage to the first */
    const void *roots;      /* exp(-2 pi i k / size) */
    /* Of a size with a larger prime factor: a transform that is long enough to convolve with a
       chirp; the chirp, exp(-pi i k k / size); the transform of its conjugate, over its size. */
    const struct transform *longer;
    const void *chirp, *response;
};

/* A matrix (outputs, size), and of each row the first column that matters and the one behind the
 * last. */
struct lowpass {
    int64_t outputs;
    const void *values;
    const int32_t *ranges;
};

struct scattering_step {
    struct transform down, across; /* of responses */
    struct lowpass low_down, low_across;
    int64_t finer_height, finer_width, tiles;
    const int32_t *places;   /* row and column of each tile of the finer grid's spectra */
    const int32_t *ranges;   /* first, last + 1 of each row that matters: (member, tile, row, 2) */
    const void *values;      /* (member, tile, row, column), of the first wavelets by lane */
    const int32_t *channels; /* of the coefficients, or -1: (member, lane) */
    const struct scattering_step *seconds; /* steps that are applied to the moduli */
    int32_t members, second_count, is_first;
};

/* An arc of a circle. */
struct arc {
    int32_t first, count;
};

/* Kernels whose transfer function is a product of a column and a row, and the Gaussians that are
   taken off them, which follow the kernels in `columns`, `rows` and `arcs`. */
struct gathering {
    struct transform down, across;
    const void *columns;    /* real: `stride` numbers each, zeros behind the last */
    const void *rows;       /* complex */
    const struct arc *arcs; /* rows, and columns, that are seen of each */
    const int32_t *gauss;   /* of each kernel, or -1 */
    const void *weights;    /* complex: of each kernel's Gaussian */
    int64_t stride;
    int32_t kernel_count, gaussian_count;
};

/* Sums of quadrature pairs. */
enum quadrature { AXIS_X, AXIS_Y, ODD_X, ODD_Y, EVEN, POWER, SUMS };

#define JOIN(x, y, z) x##_##y##_##z
#define NAMED(x, y, z) JOIN(x, y, z)
#define NAME(x) NAMED(x, REAL, VARIANT)

/* Bytes of each structure that structures.py lays out, in the order of its STRUCTURES. */
EXPORT const int64_t NAMED(structure, sizes,
                           VARIANT)[] = {sizeof(struct bank),     sizeof(struct picture),
                                         sizeof(struct job),      sizeof(struct filtering),
                                         sizeof(struct halving),  sizeof(struct doubling),
                                         sizeof(struct stage),    sizeof(struct transform),
                                         sizeof(struct lowpass),  sizeof(struct scattering_step),
                                         sizeof(struct gathering)};

/* Real and imaginary parts interleaved, the lower and the upper half of the lanes; and lanes in
   reverse. */
#define SHUFFLES                                                                                   \
    typedef REAL NAME(lanes) __attribute__((vector_size(VECTOR_BYTES)));                           \
    INLINE NAME(lanes) NAME(low)(NAME(lanes) a, NAME(lanes) b) {                                   \
        return __builtin_shufflevector(a, b, LOW);                                                 \
    }                                                                                              \
    INLINE NAME(lanes) NAME(high)(NAME(lanes) a, NAME(lanes) b) {                                  \
        return __builtin_shufflevector(a, b, HIGH);                                                \
    }                                                                                              \
    INLINE NAME(lanes) NAME(reversed)(NAME(lanes) a) {                                             \
        return __builtin_shufflevector(a, a, REVERSED);                                            \
    }

#define LOW_2 0, 2
#define HIGH_2 1, 3
#define REVERSED_2 1, 0
#define LOW_4 0, 4, 1, 5
#define HIGH_4 2, 6, 3, 7
#define REVERSED_4 3, 2, 1, 0
#define LOW_8 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH_8 4, 12, 5, 13, 6, 14, 7, 15
#define REVERSED_8 7, 6, 5, 4, 3, 2, 1, 0
#define LOW_16 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH_16 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define REVERSED_16 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0

#define REAL float
#if VECTOR_BYTES == 64
#define LOW LOW_16
#define HIGH HIGH_16
#define REVERSED REVERSED_16
#elif VECTOR_BYTES == 32
#define LOW LOW_8
#define HIGH HIGH_8
#define REVERSED REVERSED_8
#else
#define LOW LOW_4
#define HIGH HIGH_4
#define REVERSED REVERSED_4
#endif
SHUFFLES
#include "outputs.h"
#include "passes.h"
#include "halves.h"
#include "stages.h"
#include "transforms.h"
#include "cascade.h"
#include "gather.h"
#include "quadrature.h"
#include "angles.h"
#include "double_angles.h"
#include "end.h"
#undef REAL
#undef LOW
#undef HIGH
#undef REVERSED

#define REAL double
#if VECTOR_BYTES == 64
#define LOW LOW_8
#define HIGH HIGH_8
#define REVERSED REVERSED_8
#elif VECTOR_BYTES == 32
#define LOW LOW_4
#define HIGH HIGH_4
#define REVERSED REVERSED_4
#else
#define LOW LOW_2
#define HIGH HIGH_2
#define REVERSED REVERSED_2
#endif
SHUFFLES
#include "outputs.h"
#include "passes.h"
#include "halves.h"
#include "stages.h"
#include "transforms.h"
#include "cascade.h"
#include "gather.h"
#include "quadrature.h"
#include "end.h"
