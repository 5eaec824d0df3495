// Matrix products with operands in the type of the sums, bfloat16 being widened as it is packed.

#define B(name) SUM(name)
#define UNIT S

enum { SUM(element_bytes) = sizeof(S), SUM(unit_elements) = 1 };

INLINE long SUM(units)(long depth) { return depth; }

// sums[rows][vectors] over depth; element (i, k) of A lies at a + i·a_row + k·a_unit.
INLINE void SUM(tile_as)(
    const int rows, const int vectors, long depth, const char *a, long a_row, long a_unit,
    const S *b, long b_row, S *c, long c_row, int load) {
    V sums[TILE_ROWS][ATTENTION_VECTORS];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < vectors; j++)
            sums[i][j] = (V){};
    for (long k = 0; k < depth; k++, a += a_unit, b += b_row) {
        V right[ATTENTION_VECTORS];
        for (int j = 0; j < vectors; j++) right[j] = SUM(load)(b + j * LANES);
        for (int i = 0; i < rows; i++) {
            V left = *(const S *)(a + i * a_row) - (V){};   // x - 0 is x; x + 0 is an addition
            for (int j = 0; j < vectors; j++)
                sums[i][j] = MULTIPLY_ADD(left, right[j], sums[i][j]);
        }
    }
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < vectors; j++) {
            S *at = c + i * c_row + j * LANES;
            SUM(store)(at, load ? SUM(load)(at) + sums[i][j] : sums[i][j]);
        }
}

#define TILE(rows, vectors) \
    SUM(tile_as)(rows, vectors, depth, a, a_row, a_unit, b, b_row, c, c_row, load)
// A tile whose right-hand rows lie `b_row` apart, for attention too.
static void SUM(tile_strided)(
    int rows, int vectors, long depth, const char *a, long a_row, long a_unit, const S *b,
    long b_row, S *c, long c_row, int load) {
    if (vectors == 1) ROW_CASES(TILE, 1)
    else if (vectors == TILE_VECTORS) ROW_CASES(TILE, TILE_VECTORS)
    else ROW_CASES(TILE, ATTENTION_VECTORS)
}
#undef TILE

INLINE void SUM(tile)(
    int rows, int vectors, long depth, const char *a, long a_row, long a_unit, const S *b, S *c,
    long c_row, int load) {
    SUM(tile_strided)(
        rows, vectors, depth, a, a_row, a_unit, b, (long)vectors * LANES, c, c_row, load);
}

#ifdef SUM_IS_FLOAT
INLINE S SUM(element)(const void *x, int type, long at) {
    if (type == FLEDGE_FLOAT32) return ((const float *)x)[at];
    uint32_t bits = (uint32_t)((const uint16_t *)x)[at] << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
INLINE V SUM(elements)(const void *x, int type, long at, long n) {
    if (type == FLEDGE_FLOAT32)
        return n >= LANES ? PATH(load_float32)((const float *)x + at)
                          : PATH(load_part_float32)((const float *)x + at, n);
    return n >= LANES ? PATH(load_bfloat16)((const uint16_t *)x + at)
                      : PATH(load_part_bfloat16)((const uint16_t *)x + at, n);
}
#else
INLINE S SUM(element)(const void *x, int type, long at) { return ((const double *)x)[at]; }
INLINE V SUM(elements)(const void *x, int type, long at, long n) {
    return n >= LANES ? PATH(load_float64)((const double *)x + at)
                      : PATH(load_part_float64)((const double *)x + at, n);
}
#endif

enum { SUM(type) = sizeof(S) == 8 ? FLEDGE_FLOAT64 : FLEDGE_FLOAT32 };

#ifdef SUM_IS_FLOAT
static void PATH(to_float_bfloat16)(float *d, const void *x, long n);
static void PATH(from_float_bfloat16)(void *d, const float *x, long n);
static int PATH(block_dots)(const fledge_product *p, const float *x, long j, long n, float *d);
#endif
#include "unpacked.h"

INLINE int SUM(direct)(const fledge_product *p) {
    if (p->a_type != SUM(type)) return 0;
    return p->a_depth == 1 || SUM(unpacked)(p);
}

// One panel: [height][unit] of rows as they lie, [unit][height] of transposed ones. Rows behind the
// last stay unset, and unread.
static void SUM(pack_left)(const fledge_product *p, S *d, long row, long height, long units) {
    long rows = p->rows - row < height ? p->rows - row : height;
#ifdef SUM_IS_FLOAT
    if (p->a_depth == 1 && p->a_type == FLEDGE_BFLOAT16) {
        for (long i = 0; i < rows; i++)
            PATH(to_float_bfloat16)(
                d + i * units, (const uint16_t *)p->a + (row + i) * p->a_row, units);
        return;
    }
#endif
    if (p->a_depth == 1) {
        for (long i = 0; i < rows; i++)
            for (long k = 0; k < units; k += LANES)
                SUM(put)(d + i * units, k, units,
                         SUM(elements)(p->a, p->a_type, (row + i) * p->a_row + k, units - k));
        return;
    }
    long k = 0;
    if (height == TILE_ROWS && LANES >= TILE_ROWS && p->rows - row >= LANES)
        for (; k < units; k++) {
            V v = SUM(elements)(p->a, p->a_type, row + k * p->a_depth, LANES);
            memcpy(d + k * TILE_ROWS, &v, TILE_ROWS * sizeof(S) <= sizeof v
                                              ? TILE_ROWS * sizeof(S) : sizeof v);
        }
    for (; k < units; k++)
        for (long i = 0; i < rows; i++)
            d[k * height + i] = SUM(element)(
                p->a, p->a_type, (row + i) * p->a_row + k * p->a_depth);
}

// Columns j0 ..< j0 + n in panels [depth][vectors·LANES], zero behind the last column.
static void SUM(pack_right)(
    const fledge_product *p, S *d, long j0, long n, long k0, long depth, int vectors) {
    long width = (long)vectors * LANES;
    long bytes = p->b_type == FLEDGE_FLOAT32 ? 4 : p->b_type == FLEDGE_FLOAT64 ? 8 : 2;
    for (long j = 0; j < n; j += LANES) {
        S *panel = d + j / width * width * depth + j % width;
        long columns = n - j;
        if (p->b_column == 1) {
#ifdef SUM_IS_FLOAT
            if (p->b_type == FLEDGE_BFLOAT16 && columns >= LANES) {
                const uint16_t *row = (const uint16_t *)p->b + k0 * p->b_depth + j0 + j;
                for (long k = 0; k < depth; k++, row += p->b_depth) {
                    __builtin_prefetch(row + 12 * p->b_depth);
                    SUM(store)(panel + k * width, PATH(load_bfloat16)(row));
                }
                continue;
            }
#endif
            for (long k = 0; k < depth; k++) {
                long at = (k0 + k) * p->b_depth + j0 + j;
                // Rows are too short for the hardware to see where it goes on.
                __builtin_prefetch((const char *)p->b + (at + 12 * p->b_depth) * bytes);
                SUM(store)(panel + k * width, SUM(elements)(p->b, p->b_type, at, columns));
            }
            continue;
        }
        long k = 0;
#ifdef SUM_IS_FLOAT
        if (columns >= LANES)
            for (long step = 16 / bytes; k + step <= depth; k += step) {
                long at = (j0 + j) * p->b_column + k0 + k;
                vf v[8];
                if (k % (64 / bytes) == 0)
                    for (long c = 0; c < LANES; c++)
                        __builtin_prefetch(
                            (const char *)p->b + (at + (LANES + c) * p->b_column) * bytes);
                if (bytes == 4)
                    PATH(transpose_floats)(v, (const char *)p->b + at * 4, p->b_column * 4);
                else PATH(transpose_halves)(v, (const char *)p->b + at * 2, p->b_column * 2);
                for (int q = 0; q < step; q++) SUM(store)(panel + (k + q) * width, v[q]);
            }
#endif
        for (; k < depth; k++)
            for (long c = 0; c < LANES; c++)
                panel[k * width + c] = c < columns
                    ? SUM(element)(p->b, p->b_type, (j0 + j + c) * p->b_column + k0 + k) : 0;
    }
    // A panel that is not full has whole vectors behind its last column.
    long covered = (n + LANES - 1) / LANES * LANES, whole = (n + width - 1) / width * width;
    for (long j = covered; j < whole; j += LANES)
        for (long k = 0; k < depth; k++)
            SUM(store)(d + j / width * width * depth + j % width + k * width, (V){});
}

#include "second.h"
#include "blocking.h"
#include "dots.h"
#undef B
#undef UNIT
