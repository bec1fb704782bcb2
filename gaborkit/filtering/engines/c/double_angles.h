/* Orientation by the phase of a response, in single precision: which way it advances. */

#define TINY 1e-30f

/* Argument of a conj(b) turned by cosine - i sine; without a root, which takes longest. */
INLINE float advance(float a_real, float a_imag, float b_real, float b_imag, float cosine,
                     float sine) {
    const float even = a_real * b_real + a_imag * b_imag, odd = a_imag * b_real - a_real * b_imag;
    const float real = cosine * even + sine * odd, imag = cosine * odd - sine * even;
    return angle_of(imag, real);
}

/* Rows `first` to `last` of one response (height, width), complex: to five planes of sums, energy^2
   and energy times the double angle, and energy.

   `size` makes products of neighbours numbers of about 1. */
EXPORT void NAME(double_angles)(const float *restrict response, int64_t height, int64_t width,
                                int64_t first, int64_t last, const double *wave, const float *turns,
                                float size, float *restrict sums) {
    const int64_t plane = height * width;
    const float wave_y = (float)wave[0], wave_x = (float)wave[1];
    for (int64_t y = first; y < last; y++) {
        const int64_t above = y ? y - 1 : 0, below = y + 1 < height ? y + 1 : y;
        const int both = below - above == 2;
        const float *row = response + 2 * y * width;
        const float *before = response + 2 * above * width, *after = response + 2 * below * width;
        /* The row after these, which comes from far where responses are of more than the caches. */
        const float *next = after + 2 * (below + 1 < height ? width : 0);
        for (int64_t i = 0; i < 2 * width; i += CACHE_LINE / sizeof(float))
            __builtin_prefetch(next + i);
        const float cosine_y = size * turns[2 * both], sine_y = size * turns[2 * both + 1];
        const float share_y = both ? 0.5f : 1.0f;
        float *to = sums + y * width;
        for (int64_t part = 0; part < 3; part++) {
            /* Columns with two neighbours, and before them and after them those with one. */
            const int64_t start = part == 1 ? 1 : part ? width - 1 : 0;
            const int64_t end = part == 1 ? width - 1 : start + 1;
            const int64_t left = part ? -2 : 0, right = part == 2 ? 0 : 2;
            const float *turn = turns + 4 + 2 * (part == 1);
            const float cosine_x = size * turn[0], sine_x = size * turn[1];
            const float share_x = part == 1 ? 0.5f : 1.0f;
#pragma clang loop vectorize(enable)
            for (int64_t x = start; x < end; x++) {
                const float *at = row + 2 * x, *up = before + 2 * x, *down = after + 2 * x;
                const float gy =
                    wave_y + share_y * advance(down[0], down[1], up[0], up[1], cosine_y, sine_y);
                const float gx = wave_x + share_x * advance(at[right], at[right + 1], at[left],
                                                            at[left + 1], cosine_x, sine_x);
                const float energy = at[0] * at[0] + at[1] * at[1];
                const float weight = energy / (gx * gx + gy * gy + TINY);
                const float cosine = weight * (gx * gx - gy * gy), sine = weight * 2 * gx * gy;
                to[x] += energy * cosine;
                to[x + plane] += energy * sine;
                to[x + 2 * plane] += cosine;
                to[x + 3 * plane] += sine;
                to[x + 4 * plane] += energy;
            }
        }
    }
}

#undef TINY
