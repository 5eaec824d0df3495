// The forward pass of attention.h by dot products of pairs: weights are rounded to bfloat16 before
// they meet the values, everything else about the softmax is float32.
//
// The heads of a group follow one another query by query, so that strips of a vector of rows see
// about the same keys and the reductions over their columns are made together.

// The reductions of a vector of vectors.
INLINE vf B(largest_of)(vf v[LANES]) {
    _Pragma("clang loop unroll(full)")
    for (int width = LANES; width > 1; width /= 2)
        _Pragma("clang loop unroll(full)")
        for (int i = 0; i < width / 2; i++) {
            vf first, second;
            SUM(split)(v[2 * i], v[2 * i + 1], width, &first, &second);
            v[i] = __builtin_elementwise_max(first, second);
        }
    return v[0];
}
INLINE vf B(sums_of)(vf v[LANES]) {
    _Pragma("clang loop unroll(full)")
    for (int width = LANES; width > 1; width /= 2)
        _Pragma("clang loop unroll(full)")
        for (int i = 0; i < width / 2; i++) v[i] = SUM(fold)(v[2 * i], v[2 * i + 1], width);
    return v[0];
}

// The keys of a tile that each row of a strip sees: begin ..< end of them.
typedef struct B(seen_keys) { long begin[LANES], end[LANES]; } B(seen_keys);

// Turns the columns from ..< to of a strip of products into weights, zero outside the keys that a row
// sees; `shrinks` is what the sums so far shrink by.
INLINE void B(softmax_strip)(
    const float *products, uint16_t *weights, long rows, long from, long to,
    const B(seen_keys) *seen, float scale, float cap, const int is_capped, float *tops,
    float *totals, float *shrinks) {
    vf of_rows[LANES], lowest = (vf){} - INFINITY, slope;
    for (long r = 0; r < LANES; r++) {
        const float *row = products + r * key_tile;
        vf best = lowest;
        if (r < rows) {
            long begin = seen->begin[r], end = seen->end[r];
            for (long j = begin / LANES * LANES; j < end; j += LANES) {
                vf x = SUM(load)(row + j);
                if (j < begin || end - j < LANES)
                    x = SUM(lanes_between)(x, begin - j, end - j, lowest);
                best = __builtin_elementwise_max(best, x);
            }
        }
        of_rows[r] = best;
    }
    vf before = SUM(load)(tops), best = B(largest_of)(of_rows);
    vf now = SUM(score)(best, scale, cap, is_capped, &slope);
    // A row that sees none of the keys has no score, which a cap would bound.
    if (is_capped) now = (vf)(((vi)now & (best != lowest)) | ((vi)lowest & (best == lowest)));
    now = __builtin_elementwise_max(before, now);
    vf shrink = SUM(exp)(before - now);
    shrink = (vf)((vi)shrink & (before != lowest));
    SUM(store)(tops, now);
    SUM(store)(shrinks, shrink);
    for (long r = 0; r < LANES; r++) {
        vf sums = {};
        if (r < rows) {
            long begin = seen->begin[r], end = seen->end[r];
            for (long j = from; j < to; j += LANES) {
                vf e = {};
                if (j < end && j + LANES > begin) {
                    // Rounded before the subtraction, so that the largest gives exactly one.
                    vf x = SUM(score)(
                        SUM(load)(products + r * key_tile + j), scale, cap, is_capped, &slope);
                    e = SUM(exp)(x - tops[r]);
                    if (j < begin || end - j < LANES)
                        e = SUM(lanes_between)(e, begin - j, end - j, (vf){});
                }
                sums += e;
                PATH(store_bfloat16)(weights + r * key_tile + j, e);
            }
        }
        of_rows[r] = sums;
    }
    SUM(store)(totals, MULTIPLY_ADD(SUM(load)(totals), shrink, B(sums_of)(of_rows)));
}

// Queries' heads, one row each, and what is known of them so far.
typedef struct B(strip_rows) {
    uint16_t *queries;
    float *sums, *tops, *totals;
} B(strip_rows);

// A strip of rows r0 ..< r0 + rows against a tile of keys, of which query 0 sees lowest ..< limit.
static void B(forward_strip)(
    const fledge_attention *job, const B(strip_rows) *strips, long r0, long rows, long columns,
    long lowest, long limit, const uint32_t *keys, const uint32_t *values, float *products, uint16_t *weights) {
    long units = B(units)(job->dimension), width = B(attention_width)(job->dimension);
    long row_bytes = 2 * units * (long)sizeof(uint16_t);
    float shrinks[LANES];
    B(seen_keys) seen;
    for (long r = 0; r < rows; r++) {
        long query = (r0 + r) / job->group, begin = lowest + query, end = limit + query;
        seen.begin[r] = begin < 0 ? 0 : begin;
        seen.end[r] = end < 0 ? 0 : end < columns ? end : columns;
    }
    long from = seen.begin[0] / LANES * LANES, to = seen.end[rows - 1];
    if (to <= seen.begin[0]) return;
    const uint16_t *queries = strips->queries + r0 * 2 * units;
    for (long i = 0; i < rows; i += product_rows)
        B(attention_tile)(
            rows - i < product_rows ? rows - i : product_rows, (to - from + LANES - 1) / LANES,
            units, queries + i * 2 * units, row_bytes, sizeof(uint32_t), keys + from, key_tile,
            products + i * key_tile + from, key_tile, B(stores), 0);
    float scale = (float)job->scale, cap = (float)job->soft_cap;
    float *tops = strips->tops + r0, *totals = strips->totals + r0;
    if (cap > 0)
        B(softmax_strip)(
            products, weights, rows, from, to, &seen, scale, cap, 1, tops, totals, shrinks);
    else
        B(softmax_strip)(
            products, weights, rows, from, to, &seen, scale, 0, 0, tops, totals, shrinks);
    for (long i = 0; i < rows; i += product_rows) {
        long height = rows - i < product_rows ? rows - i : product_rows;
        long begin = seen.begin[i] / 2, end = B(units)(seen.end[i + height - 1]);
        B(attention_product)(
            height, width / LANES, B(units)(columns), begin, begin < end ? end : begin,
            weights + i * key_tile, key_tile * (long)sizeof *weights, sizeof(uint32_t), values,
            strips->sums + (r0 + i) * width, width, B(scales_and_adds), shrinks + i);
    }
}

static void B(attention_forward)(
    const fledge_attention *job, long key_value_head, long query_block) {
    long dimension = job->dimension, group = job->group, units = B(units)(dimension);
    long width = B(attention_width)(dimension), q0 = query_block * query_tile;
    long rows = job->query_count - q0 < query_tile ? job->query_count - q0 : query_tile;
    long first = job->key_count - job->query_count + q0;   // keys that row 0 sees, less one
    long all = rows * group, whole = (all + LANES - 1) / LANES * LANES;
    uint32_t *keys = fledge_scratch(
        FLEDGE_SCRATCH_TILES,
        4 * (key_tile * units + key_tile / 2 * width + LANES * key_tile * 3 / 2
             + whole * (width + 2 + units) + key_tile * units + LANES * units));
    uint32_t *values = keys + key_tile * units;
    float *products = (float *)(values + key_tile / 2 * width);
    uint16_t *weights = (uint16_t *)(products + LANES * key_tile);
    B(strip_rows) strips = {.sums = products + LANES * key_tile * 3 / 2};
    strips.tops = strips.sums + whole * width;
    strips.totals = strips.tops + whole;
    strips.queries = (uint16_t *)(strips.totals + whole);
    uint16_t *rows_copy = strips.queries + whole * 2 * units;
    uint16_t *vector_copy = rows_copy + key_tile * 2 * units;
    const uint16_t *k = (const uint16_t *)job->k + key_value_head * dimension;
    const uint16_t *v = (const uint16_t *)job->v + key_value_head * dimension;
    memset(strips.sums, 0, whole * width * sizeof(float));
    const float *sinks = job->sinks;
    for (long i = 0; i < whole; i++) {
        strips.tops[i] = sinks ? sinks[key_value_head * group + i % group] : -INFINITY;
        strips.totals[i] = sinks != 0;
    }
    for (long i = 0; i < rows; i++)
        B(copy_rows)(
            strips.queries + i * group * 2 * units,
            (const uint16_t *)job->q + (job->query_start + q0 + i) * job->query_stride
                + key_value_head * group * dimension,
            dimension, group, dimension);
    long unseen = first + 1 - job->window;   // keys before the first that row 0 sees
    long start = unseen > 0 ? unseen / key_tile * key_tile : 0;
    for (long k0 = start; k0 < first + rows; k0 += key_tile) {
        long columns = first + rows - k0 < key_tile ? first + rows - k0 : key_tile, stride;
        const uint16_t *x = NAME(sequence_rows)(job, k, rows_copy, k0, columns, &stride);
        B(pack_columns)(keys, x, stride, columns, dimension, vector_copy);
        x = NAME(sequence_rows)(job, v, rows_copy, k0, columns, &stride);
        B(pack_depth)(values, x, stride, columns, dimension);
        for (long r0 = 0; r0 < all; r0 += LANES)
            B(forward_strip)(
                job, &strips, r0, all - r0 < LANES ? all - r0 : LANES, columns, unseen - k0,
                first + 1 - k0, keys, values, products, weights);
    }
    for (long r = 0; r < all; r++) {
        long row = job->query_start + q0 + r / group, head = key_value_head * group + r % group;
        uint16_t *d = (uint16_t *)job->output + row * job->query_stride + head * dimension;
        float inverse = 1 / strips.totals[r];
        // A tile that adds nothing may turn -0 into 0, so every zero is made one.
        for (long j = 0; j < dimension; j += LANES)
            NAME(put)(
                d, j, dimension, SUM(load)(strips.sums + r * width + j) * inverse + (vf){});
        if (job->log_sums)
            ((float *)job->log_sums)[row * job->heads + head] =
                strips.tops[r] + (float)log((double)strips.totals[r]);
    }
}
