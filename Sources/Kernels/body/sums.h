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

// Around 0, where the quotient of exponentials cancels, by the polynomial of Cephes.
INLINE V SUM(tanh)(V x) {
    V z = x * x, one = (V){} + 1.0f;
    V y = MULTIPLY_ADD((V){} - 5.70498872745e-3f, z, (V){} + 2.06390887954e-2f);
    y = MULTIPLY_ADD(y, z, (V){} - 5.37397155531e-2f);
    y = MULTIPLY_ADD(y, z, (V){} + 1.33314422036e-1f);
    y = MULTIPLY_ADD(y, z, (V){} - 3.33332819422e-1f);
    y = MULTIPLY_ADD(y * z, x, x);
    V far = one - 2 / (SUM(exp)(2 * x) + one);
    I is_near = z < 0.390625f;
    return (V)(((I)y & is_near) | ((I)far & ~is_near));
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
INLINE V SUM(tanh)(V x) {
    for (int i = 0; i < LANES; i++) x[i] = tanh(x[i]);
    return x;
}
#endif

// The first and the second halves of the groups of `width` lanes that each of a and b holds: those of a
// first, then those of b.
INLINE void SUM(split)(V a, V b, const int width, V *first, V *second) {
#define HALVES(...) __builtin_shufflevector(a, b, __VA_ARGS__)
#if VECTOR_BYTES == 64 && defined(SUM_IS_FLOAT)
    switch (width) {
    case 16:
        *first = HALVES(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
        *second = HALVES(8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
        break;
    case 8:
        *first = HALVES(0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
        *second = HALVES(4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
        break;
    case 4:
        *first = HALVES(0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29);
        *second = HALVES(2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31);
        break;
    default:
        *first = HALVES(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
        *second = HALVES(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
        break;
    }
#elif VECTOR_BYTES == 64 || (VECTOR_BYTES == 32 && defined(SUM_IS_FLOAT))
    switch (width) {
    case 8:
        *first = HALVES(0, 1, 2, 3, 8, 9, 10, 11);
        *second = HALVES(4, 5, 6, 7, 12, 13, 14, 15);
        break;
    case 4:
        *first = HALVES(0, 1, 4, 5, 8, 9, 12, 13);
        *second = HALVES(2, 3, 6, 7, 10, 11, 14, 15);
        break;
    default:
        *first = HALVES(0, 2, 4, 6, 8, 10, 12, 14);
        *second = HALVES(1, 3, 5, 7, 9, 11, 13, 15);
        break;
    }
#elif VECTOR_BYTES == 32 || defined(SUM_IS_FLOAT)
    switch (width) {
    case 4:
        *first = HALVES(0, 1, 4, 5);
        *second = HALVES(2, 3, 6, 7);
        break;
    default:
        *first = HALVES(0, 2, 4, 6);
        *second = HALVES(1, 3, 5, 7);
        break;
    }
#else
    *first = HALVES(0, 2);
    *second = HALVES(1, 3);
#endif
#undef HALVES
}

INLINE V SUM(fold)(V a, V b, const int width) {
    V first, second;
    SUM(split)(a, b, width, &first, &second);
    return first + second;
}

INLINE S SUM(reduce)(V v) {
    v = SUM(fold)(v, v, LANES);
    if (LANES > 2) v = SUM(fold)(v, v, LANES > 2 ? LANES / 2 : 2);
    if (LANES > 4) v = SUM(fold)(v, v, LANES > 4 ? LANES / 4 : 2);
    if (LANES > 8) v = SUM(fold)(v, v, 2);
    return v[0];
}

INLINE V SUM(larger_half)(V v, const int width) {
    V first, second;
    SUM(split)(v, v, width, &first, &second);
    return __builtin_elementwise_max(first, second);
}
INLINE S SUM(largest_lane)(V v) {
    v = SUM(larger_half)(v, LANES);
    if (LANES > 2) v = SUM(larger_half)(v, LANES > 2 ? LANES / 2 : 2);
    if (LANES > 4) v = SUM(larger_half)(v, LANES > 4 ? LANES / 4 : 2);
    if (LANES > 8) v = SUM(larger_half)(v, 2);
    return v[0];
}

INLINE S SUM(largest)(const S *x, long n) {
    V best = (V){} - (S)INFINITY;
    long i = 0;
    for (; i + LANES <= n; i += LANES) best = __builtin_elementwise_max(best, SUM(load)(x + i));
    S result = SUM(largest_lane)(best);
    for (; i < n; i++) if (x[i] > result) result = x[i];
    return result;
}

// v where begin <= lane < end, else `other`.
INLINE V SUM(lanes_between)(V v, long begin, long end, V other) {
    I lanes;
    for (int l = 0; l < LANES; l++) lanes[l] = l;
    I here = (lanes >= (I){} + (int)begin) & (lanes < (I){} + (int)end);
    return (V)(((I)v & here) | ((I)other & ~here));
}

// x·scale, or c·tanh(x·scale / c) for a cap c; sets the derivative by x.
INLINE V SUM(score)(V x, S scale, S cap, const int is_capped, V *slope) {
    V one = (V){} + 1;
    *slope = one * scale;
    if (!is_capped) return x * scale;
    V t = SUM(tanh)(x * (scale / cap));
    *slope *= one - t * t;
    return t * cap;
}

INLINE V SUM(error_function)(V x) {
    for (int i = 0; i < LANES; i++) x[i] = (S)erf((double)x[i]);
    return x;
}
