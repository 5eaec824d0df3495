// What is computed in the type of the sums, S in vectors V of LANES: exponentials and reductions.

#ifdef SUM_IS_FLOAT
INLINE V SUM(get)(const S *p, long i, long n) {
    return __builtin_expect(i + LANES <= n, 1) ? PATH(load_float32)(p + i)
                                               : PATH(load_part_float32)(p + i, n - i);
}
INLINE void SUM(put)(S *p, long i, long n, V v) {
    if (__builtin_expect(i + LANES <= n, 1)) PATH(store_float32)(p + i, v);
    else PATH(store_part_float32)(p + i, v, n - i);
}
INLINE V SUM(load)(const S *p) { return PATH(load_float32)(p); }
INLINE void SUM(store)(S *p, V v) { PATH(store_float32)(p, v); }

// e^x by the polynomial of Cephes (Moshier 1992), within 1.3 units in the last place.
INLINE V SUM(exp)(V x) {
    V clamped = __builtin_elementwise_max(x, (V){} - 87.3f);
    clamped = __builtin_elementwise_min(clamped, (V){} + 88.3f);
    // Adding 1.5·2^23 rounds to the nearest integer and leaves it in the low bits.
    V shifted = MULTIPLY_ADD(clamped, (V){} + 1.44269504088896341f, (V){} + 12582912.0f);
    V n = shifted - 12582912.0f;
    V r = MULTIPLY_ADD(n, (V){} - 0.693359375f, clamped);
    r = MULTIPLY_ADD(n, (V){} + 2.12194440e-4f, r);
    V y = MULTIPLY_ADD((V){} + 1.9875691500e-4f, r, (V){} + 1.3981999507e-3f);
    y = MULTIPLY_ADD(y, r, (V){} + 8.3334519073e-3f);
    y = MULTIPLY_ADD(y, r, (V){} + 4.1665795894e-2f);
    y = MULTIPLY_ADD(y, r, (V){} + 1.6666665459e-1f);
    y = MULTIPLY_ADD(y, r, (V){} + 5.0000001201e-1f);
    y = MULTIPLY_ADD(y, r * r, r) + 1.0f;
    y = (V)((I)y + (((I)shifted - 0x4B400000) << 23));
    // A NaN stays one.
    I valid = x == x;
    return (V)(((I)y & valid) | ((I)x & ~valid));
}
#else
INLINE V SUM(get)(const S *p, long i, long n) {
    return i + LANES <= n ? PATH(load_float64)(p + i) : PATH(load_part_float64)(p + i, n - i);
}
INLINE void SUM(put)(S *p, long i, long n, V v) {
    if (i + LANES <= n) PATH(store_float64)(p + i, v);
    else PATH(store_part_float64)(p + i, v, n - i);
}
INLINE V SUM(load)(const S *p) { return PATH(load_float64)(p); }
INLINE void SUM(store)(S *p, V v) { PATH(store_float64)(p, v); }

INLINE V SUM(exp)(V x) {
    for (int i = 0; i < LANES; i++) x[i] = exp(x[i]);
    return x;
}
#endif

INLINE S SUM(reduce)(V v) {
    S s = 0;
    for (int i = 0; i < LANES; i++) s += v[i];
    return s;
}

INLINE S SUM(largest)(const S *x, long n) {
    V best = (V){} - (S)INFINITY;
    long i = 0;
    for (; i + LANES <= n; i += LANES) best = __builtin_elementwise_max(best, SUM(load)(x + i));
    S result = best[0];
    for (int j = 1; j < LANES; j++) if (best[j] > result) result = best[j];
    for (; i < n; i++) if (x[i] > result) result = x[i];
    return result;
}

INLINE V SUM(error_function)(V x) {
    for (int i = 0; i < LANES; i++) x[i] = (S)erf((double)x[i]);
    return x;
}
