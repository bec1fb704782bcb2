/* Angles of vectors, in single precision. */

/* The angle of (x, y) in [-pi, pi], within 3e-7; of nothing 0. */
INLINE float angle_of(float y, float x) {
    const float wide = __builtin_fabsf(x), tall = __builtin_fabsf(y);
    const float larger = wide > tall ? wide : tall, smaller = wide > tall ? tall : wide;
    const float tangent = larger == 0 ? 0 : smaller / larger, square = tangent * tangent;
    /* Of the inverse tangent up to 1, the best polynomial in the largest error, 2.7e-8. */
    float angle = -0.004126372f;
    angle = angle * square + 0.022148592f;
    angle = angle * square - 0.056361476f;
    angle = angle * square + 0.096777863f;
    angle = angle * square - 0.139236635f;
    angle = angle * square + 0.199498751f;
    angle = angle * square - 0.333302053f;
    angle = (angle * square + 0.999999465f) * tangent;
    angle = tall > wide ? 1.57079633f - angle : angle;
    angle = x < 0 ? 3.14159265f - angle : angle;
    return __builtin_copysignf(angle, y);
}

/* Of vectors `first` to `last`. */
EXPORT void NAME(angles)(const float *y, const float *x, int64_t first, int64_t last, float *out) {
#pragma clang loop vectorize(enable)
    for (int64_t i = first; i < last; i++)
        out[i] = angle_of(y[i], x[i]);
}
