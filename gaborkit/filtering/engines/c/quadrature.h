/* Edges and lines by quadrature pairs, for one precision; vision/edges.py has the formulas. */

/* Pixels whose sums stay in the first cache. */
#define PIXELS 512

/* Pixels of a response before which as many of the next one are asked for. */
#define CHUNK 64

/* One orientation: all scales' energies, and even and odd parts of their sum along the wave. */
INLINE void NAME(add_orientation)(const REAL *const *responses, int64_t scales, const double *turns,
                                  int64_t from, int64_t count, REAL sums[SUMS][PIXELS]) {
    REAL even[PIXELS], odd[PIXELS];
    memset(even, 0, sizeof(even)), memset(odd, 0, sizeof(odd));
    for (int64_t s = 0; s < scales; s++) {
        const REAL *response = responses[s] + 2 * from, *next = responses[s + 1] + 2 * from;
        for (int64_t first = 0; first < count; first += CHUNK) {
            const int64_t last = count - first < CHUNK ? count : first + CHUNK;
            for (int64_t i = first; i < last; i += CACHE_LINE / (2 * sizeof(REAL)))
                __builtin_prefetch(next + 2 * i);
            for (int64_t i = first; i < last; i++) {
                const REAL real = response[2 * i], imag = response[2 * i + 1];
                sums[POWER][i] += real * real + imag * imag;
                even[i] += real, odd[i] += imag;
            }
        }
    }
    const REAL cosine_2 = (REAL)turns[0], sine_2 = (REAL)turns[1];
    const REAL cosine = (REAL)turns[2], sine = (REAL)turns[3];
    for (int64_t i = 0; i < count; i++) {
        const REAL power = even[i] * even[i] + odd[i] * odd[i];
        sums[AXIS_X][i] += cosine_2 * power, sums[AXIS_Y][i] += sine_2 * power;
        /* Brightness that rises along the wave has a negative odd part. */
        sums[ODD_X][i] -= cosine * odd[i], sums[ODD_Y][i] -= sine * odd[i];
        sums[EVEN][i] += even[i];
    }
}

/* Pixels `first` to `last` of some orientations' responses, complex, all scales of each: added to
   six planes of sums, (6, plane), 0 where nothing was added yet.

   `turns` are cosine and sine of twice each orientation's theta, and of theta. After the responses
   comes an address that is not read. */
EXPORT void NAME(add_quadrature)(const REAL *const *responses, int64_t scales, int64_t orientations,
                                 const double *turns, int64_t first, int64_t last, int64_t plane,
                                 REAL *planes) {
    REAL sums[SUMS][PIXELS];
    for (int64_t from = first; from < last; from += PIXELS) {
        const int64_t count = last - from < PIXELS ? last - from : PIXELS;
        for (int sum = 0; sum < SUMS; sum++)
            memcpy(sums[sum], planes + sum * plane + from, count * sizeof(REAL));
        for (int64_t o = 0; o < orientations; o++)
            NAME(add_orientation)(responses + o * scales, scales, turns + 4 * o, from, count, sums);
        for (int sum = 0; sum < SUMS; sum++)
            memcpy(planes + sum * plane + from, sums[sum], count * sizeof(REAL));
    }
}
