// Rotary position embedding (Su et al. 2021) on the pairs (i, i + half) of each head, or on neighbours.

static void NAME(rotate)(
    void *dp, const void *xp, const float *cosines, const float *sines, long heads, long dimension,
    long half, int inverse) {
    T *d = dp;
    const T *x = xp;
    S sign = inverse ? -1 : 1;
    for (long head = 0; head < heads; head++, d += dimension, x += dimension) {
        long i = 0;
        for (; i + LANES <= half; i += LANES) {
            V a = NAME(load)(x + i), b = NAME(load)(x + half + i);
            V c = SUM(floats)(cosines + i), s = SUM(floats)(sines + i) * sign;
            NAME(put)(d, i, half, a * c - b * s);
            NAME(put)(d + half, i, half, MULTIPLY_ADD(b, c, a * s));
        }
        for (; i < half; i++) {
            V a = NAME(get)(x + i, 0, 1), b = NAME(get)(x + half + i, 0, 1);
            V c = (V){} + (S)cosines[i], s = (V){} + sign * (S)sines[i];
            NAME(put)(d + i, 0, 1, a * c - b * s);
            NAME(put)(d + half + i, 0, 1, MULTIPLY_ADD(b, c, a * s));
        }
        if (d != x && dimension > 2 * half)
            memcpy(d + 2 * half, x + 2 * half, (dimension - 2 * half) * sizeof(T));
    }
}

static void NAME(rotate_neighbours)(
    void *dp, const void *xp, const float *cosines, const float *sines, long heads, long dimension,
    long half, int inverse) {
    T *d = dp;
    const T *x = xp;
    S sign = inverse ? -1 : 1;
    for (long head = 0; head < heads; head++, d += dimension, x += dimension) {
        for (long i = 0; i < half; i++) {
            V a = NAME(get)(x + 2 * i, 0, 1), b = NAME(get)(x + 2 * i + 1, 0, 1);
            V c = (V){} + (S)cosines[i], s = (V){} + sign * (S)sines[i];
            NAME(put)(d + 2 * i, 0, 1, a * c - b * s);
            NAME(put)(d + 2 * i + 1, 0, 1, MULTIPLY_ADD(b, c, a * s));
        }
        if (d != x && dimension > 2 * half)
            memcpy(d + 2 * half, x + 2 * half, (dimension - 2 * half) * sizeof(T));
    }
}
