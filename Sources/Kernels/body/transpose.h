// Transposes four vectors in groups of four lanes, the step that packs rows into columns.
//
// Vector q holds in lane group g four neighbours of row 4g + q; afterwards vector j holds neighbour
// j of every row in order.

#if VECTOR_BYTES == 16
#define LOW32 0, 4, 1, 5
#define HIGH32 2, 6, 3, 7
#define LOW64 0, 1, 4, 5
#define HIGH64 2, 3, 6, 7
#define JOIN(g, q) g(q)
#elif VECTOR_BYTES == 32
#define LOW32 0, 8, 1, 9, 4, 12, 5, 13
#define HIGH32 2, 10, 3, 11, 6, 14, 7, 15
#define LOW64 0, 1, 8, 9, 4, 5, 12, 13
#define HIGH64 2, 3, 10, 11, 6, 7, 14, 15
#define JOIN(g, q) __builtin_shufflevector(g(q), g(4 + q), 0, 1, 2, 3, 4, 5, 6, 7)
#else
#define LOW32 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29
#define HIGH32 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31
#define LOW64 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define HIGH64 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define JOIN(g, q) __builtin_shufflevector( \
    __builtin_shufflevector(g(q), g(4 + q), 0, 1, 2, 3, 4, 5, 6, 7), \
    __builtin_shufflevector(g(8 + q), g(12 + q), 0, 1, 2, 3, 4, 5, 6, 7), \
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#endif

INLINE void PATH(transpose)(vf v[4]) {
    vf a = __builtin_shufflevector(v[0], v[1], LOW32);
    vf b = __builtin_shufflevector(v[0], v[1], HIGH32);
    vf c = __builtin_shufflevector(v[2], v[3], LOW32);
    vf d = __builtin_shufflevector(v[2], v[3], HIGH32);
    v[0] = __builtin_shufflevector(a, c, LOW64);
    v[1] = __builtin_shufflevector(a, c, HIGH64);
    v[2] = __builtin_shufflevector(b, d, LOW64);
    v[3] = __builtin_shufflevector(b, d, HIGH64);
}

typedef float PATH(four_floats) __attribute__((vector_size(16), aligned(1)));
// Four neighbours of as many rows as a vector has lanes; rows lie `stride` bytes apart.
INLINE void PATH(transpose_floats)(vf v[4], const char *x, long stride) {
#define ROW(r) (*(const PATH(four_floats) *)(x + (r) * stride))
    for (int q = 0; q < 4; q++) v[q] = (vf)JOIN(ROW, q);
#undef ROW
    PATH(transpose)(v);
}

// Eight neighbours of bfloat16 rows: pairs are transposed as units of 32 bits, then widened.
INLINE void PATH(transpose_halves)(vf v[8], const char *x, long stride) {
    vf pairs[4];
    PATH(transpose_floats)(pairs, x, stride);
    for (int q = 0; q < 4; q++) {
        v[2 * q] = (vf)((vu)pairs[q] << 16);
        v[2 * q + 1] = (vf)((vu)pairs[q] & 0xFFFF0000u);
    }
}
#undef LOW32
#undef HIGH32
#undef LOW64
#undef HIGH64
#undef JOIN
