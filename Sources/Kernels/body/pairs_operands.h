// Operands of attention as pairs, and products of its tiles of queries and keys.

_Static_assert(
    ATTENTION_VECTORS == 4 && key_tile == ATTENTION_VECTORS * LANES && query_tile == key_tile,
    "a row of a tile is one panel");

// A right-hand operand of `vectors` vectors of columns lies in panels, as even as can be.
INLINE long B(panels)(long vectors) {
    return (vectors + ATTENTION_VECTORS - 1) / ATTENTION_VECTORS;
}

// Columns of gradients: whole vectors.
static long B(attention_width)(long dimension) { return (dimension + LANES - 1) / LANES * LANES; }

// What happens to the sums of a product: they are stored, added to C times one factor, or added to C
// after its rows have been multiplied by a factor each.
enum { B(stores), B(adds_scaled), B(scales_and_adds) };

INLINE void B(attention_tile_as)(
    const int rows, const int vectors, long depth, const char *a, long a_row, long a_unit,
    const uint32_t *b, long b_row, float *c, long c_row, int what, const float *factors) {
    vf sums[TILE_ROWS][ATTENTION_VECTORS];
    B(add_up)(rows, vectors, depth, a, a_row, a_unit, b, b_row, sums);
    for (int i = 0; i < rows; i++) {
        vf factor = {};
        if (what != B(stores)) factor += factors[what == B(scales_and_adds) ? i : 0];
        for (int j = 0; j < vectors; j++) {
            float *at = c + i * c_row + j * LANES;
            vf sum = sums[i][j];
            if (what == B(adds_scaled)) sum = MULTIPLY_ADD(sum, factor, PATH(load_float32)(at));
            if (what == B(scales_and_adds)) sum = MULTIPLY_ADD(PATH(load_float32)(at), factor, sum);
            PATH(store_float32)(at, sum);
        }
    }
}

#define TILE(rows, vectors) \
    B(attention_tile_as)( \
        rows, vectors, depth, a, a_row, a_unit, b, b_row, c, c_row, what, factors)
#define TILE_CASES(vectors) \
    switch (rows) { \
    case 1: TILE(1, vectors); break; \
    case 2: TILE(2, vectors); break; \
    case 3: TILE(3, vectors); break; \
    case 4: TILE(4, vectors); break; \
    case 5: TILE(5, vectors); break; \
    default: TILE(product_rows, vectors); \
    }
// C of at most `product_rows` rows and ATTENTION_VECTORS vectors.
static void B(attention_tile)(
    long rows, long vectors, long depth, const void *left, long a_row, long a_unit,
    const uint32_t *b, long b_row, float *c, long c_row, int what, const float *factors) {
    const char *a = left;
    switch (vectors) {
    case 1: TILE_CASES(1) break;
    case 2: TILE_CASES(2) break;
    case 3: TILE_CASES(3) break;
    default: TILE_CASES(ATTENTION_VECTORS)
    }
}
#undef TILE_CASES
#undef TILE

// C += A·B over the pairs begin ..< end of a depth of `units`, B in panels.
INLINE void B(attention_product)(
    long rows, long vectors, long units, long begin, long end, const void *a, long a_row,
    long a_unit, const uint32_t *b, float *c, long c_row, int what, const float *factors) {
    long panels = B(panels)(vectors);
    for (long panel = 0; panel < panels; panel++) {
        long first = panel * vectors / panels, width = (panel + 1) * vectors / panels - first;
        B(attention_tile)(
            rows, width, end - begin, (const char *)a + begin * a_unit, a_row, a_unit,
            b + first * LANES * units + begin * width * LANES, width * LANES, c + first * LANES,
            c_row, what, factors);
    }
}

// Rows one after another, each filled up to whole pairs.
INLINE void B(copy_rows)(uint16_t *d, const uint16_t *x, long stride, long rows, long dimension) {
    long even = 2 * B(units)(dimension);
    for (long i = 0; i < rows; i++, d += even, x += stride) {
        memcpy(d, x, dimension * sizeof *d);
        if (even > dimension) d[dimension] = 0;
    }
}

// Rows of x become columns, [units, key_tile]; `copy` has room for a vector of rows.
static void B(pack_columns)(
    uint32_t *d, const uint16_t *x, long stride, long rows, long dimension, uint16_t *copy) {
    long units = B(units)(dimension);
    for (long j = 0; j < rows; j += LANES) {
        const uint16_t *from = x + j * stride;
        long step = stride, k = 0;
        if (rows - j < LANES) {
            step = 2 * units;
            memset(copy, 0, LANES * step * sizeof *copy);
            B(copy_rows)(copy, from, stride, rows - j, dimension);
            from = copy;
        }
        for (; 2 * (k + 4) <= dimension; k += 4) {
            vf v[4];
            PATH(transpose_floats)(v, (const char *)(from + 2 * k), step * (long)sizeof *from);
            for (int q = 0; q < 4; q++) memcpy(d + (k + q) * key_tile + j, &v[q], sizeof(vf));
        }
        for (; k < units; k++)
            for (long c = 0; c < LANES; c++)
                d[k * key_tile + j + c] = B(pair)(from + c * step, 1, 2 * k, dimension);
    }
}

// Rows of x become the depth of an operand in panels, [pairs of rows, dimension].
static void B(pack_depth)(
    uint32_t *d, const uint16_t *x, long stride, long rows, long dimension) {
    fledge_product p = {.depth = rows, .b = x, .b_column = 1, .b_depth = stride};
    long units = B(units)(rows), vectors = B(attention_width)(dimension) / LANES;
    long panels = B(panels)(vectors);
    for (long panel = 0; panel < panels; panel++) {
        long first = panel * vectors / panels * LANES;
        long end = (panel + 1) * vectors / panels * LANES;
        B(pack_right)(
            &p, d + first * units, first, (dimension < end ? dimension : end) - first, 0, units,
            (int)((end - first) / LANES));
    }
}
