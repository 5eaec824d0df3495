// Gradient of attention from the saved log-sum-exp: weights are computed again tile by tile.
//
// P = exp(s·QKᵀ - L), dV = Pᵀ·dO, dS = s·P∘(dO·Vᵀ - rowsum(dO∘O)), dQ = dS·K, dK = dSᵀ·Q.
//
// Blocks of queries and of keys meet in pairs. The caller sees to it that the pairs of a block come
// one after another in a fixed order, so sums need no copies and have the same bits on any threads.

static void NAME(attention_prepare)(
    const fledge_attention_gradient *job, long head, long start, long count) {
    long dimension = job->dimension, width = job->width;
    long at = head * job->rows + start;
    const T *output = (const T *)job->output + start * job->query_stride + head * dimension;
    const T *slope = (const T *)job->output_gradient + start * job->query_stride + head * dimension;
    for (long i = 0; i < count; i++, output += job->query_stride, slope += job->query_stride)
        ((S *)job->inner)[at + i] = NAME(dot)(slope, output, dimension);
    memset((S *)job->dq + at * width, 0, count * width * sizeof(S));
    memset((S *)job->dk + at * width, 0, count * width * sizeof(S));
    memset((S *)job->dv + at * width, 0, count * width * sizeof(S));
}

// A tile of keys and values, packed as the products need it, and one of queries.
typedef struct NAME(key_operands) { S *key_columns, *key_rows, *value_columns; } NAME(key_operands);
typedef struct NAME(query_operands) {
    S *rows, *packed, *slope_rows, *slopes_packed;
} NAME(query_operands);

// Weights and slopes of a query from its products with a tile's keys, of which it sees begin ..< end.
INLINE void NAME(slope_row)(
    S *p, S *s, long begin, long end, long columns, S log_sum, S inner, S scale, S cap,
    const int is_capped) {
    for (long j = begin / LANES * LANES; j < end; j += LANES) {
        V slope, x = SUM(score)(SUM(load)(p + j), scale, cap, is_capped, &slope);
        V e = SUM(exp)(x - log_sum);
        SUM(store)(p + j, e);
        SUM(store)(s + j, e * (SUM(load)(s + j) - inner) * slope);
    }
    for (long j = 0; j < begin; j++) p[j] = s[j] = 0;
    for (long j = end; j < columns; j++) p[j] = s[j] = 0;
}

// One tile of queries of one head against one tile of keys, of which query 0 sees lowest ..< limit.
INLINE void NAME(attention_tile)(
    const fledge_attention_gradient *job, long head, long q0, long rows, long k0, long columns,
    long lowest, long limit, const NAME(query_operands) *q, const NAME(key_operands) *k, S *weights, S *slopes) {
    long dimension = job->dimension, width = job->width;
    long query_at = head * job->rows + q0, key_at = head * job->rows + k0;
    S *dq = (S *)job->dq + query_at * width, *dk = (S *)job->dk + key_at * width;
    S *dv = (S *)job->dv + key_at * width;
    const S *inner = (const S *)job->inner + query_at;
    const S *log_sums = (const S *)job->log_sums + q0 * job->heads + head;
    S scale = (S)job->scale, cap = (S)job->soft_cap;
    NAME(small_product)(
        rows, columns, dimension, q->rows, dimension, 1, k->key_columns, weights, key_tile, 0,
        seen_columns, lowest, limit);
    NAME(small_product)(
        rows, columns, dimension, q->slope_rows, dimension, 1, k->value_columns, slopes, key_tile,
        0, seen_columns, lowest, limit);
    for (long i = 0; i < rows; i++) {
        S *p = weights + i * key_tile, *s = slopes + i * key_tile;
        long begin = lowest + i > 0 ? lowest + i : 0;
        long end = limit + i < columns ? limit + i : columns;
        S log_sum = log_sums[i * job->heads];
        if (end <= begin) begin = end = 0;
        if (cap > 0)
            NAME(slope_row)(p, s, begin, end, columns, log_sum, inner[i], scale, cap, 1);
        else NAME(slope_row)(p, s, begin, end, columns, log_sum, inner[i], scale, 0, 0);
    }
    NAME(small_product)(
        columns, dimension, rows, weights, 1, key_tile, q->slopes_packed, dv, width, 1,
        seeing_terms, lowest, limit);
    NAME(small_product)(
        columns, dimension, rows, slopes, 1, key_tile, q->packed, dk, width, 1, seeing_terms,
        lowest, limit);
    NAME(small_product)(
        rows, dimension, columns, slopes, key_tile, 1, k->key_rows, dq, width, 1, seen_terms,
        lowest, limit);
}

static void NAME(attention_backward)(
    const fledge_attention_gradient *job, long key_value_head, const fledge_attention_pair *pair) {
    long dimension = job->dimension, tile = key_tile * job->width;
    long stride = job->query_stride, key_stride = job->key_stride;
    long key_tiles = (pair->key_count + key_tile - 1) / key_tile;
    S *memory = fledge_scratch(
        FLEDGE_SCRATCH_TILES,
        (long)sizeof(S) * ((4 + 3 * key_tiles) * tile + 2 * query_tile * key_tile));
    NAME(query_operands) q = {memory, memory + tile, memory + 2 * tile, memory + 3 * tile};
    S *weights = memory + 4 * tile, *slopes = weights + query_tile * key_tile;
    S *packed = slopes + query_tile * key_tile;
    const T *k = (const T *)job->k + pair->key_start * key_stride + key_value_head * dimension;
    const T *v = (const T *)job->v + pair->key_start * key_stride + key_value_head * dimension;
    for (long t = 0; t < key_tiles; t++) {
        long k0 = t * key_tile;
        long columns = pair->key_count - k0 < key_tile ? pair->key_count - k0 : key_tile;
        S *at = packed + 3 * t * tile;
        NAME(pack_columns)(at, k + k0 * key_stride, key_stride, columns, dimension);
        NAME(pack_rows)(at + tile, k + k0 * key_stride, key_stride, columns, dimension);
        NAME(pack_columns)(at + 2 * tile, v + k0 * key_stride, key_stride, columns, dimension);
    }
    for (long h = 0; h < job->group; h++)
        for (long q0 = 0; q0 < pair->query_count; q0 += query_tile) {
            long rows = pair->query_count - q0 < query_tile ? pair->query_count - q0 : query_tile;
            long first = pair->query_start + q0, head = key_value_head * job->group + h;
            const T *x = (const T *)job->q + first * stride + head * dimension;
            const T *y = (const T *)job->output_gradient + first * stride + head * dimension;
            NAME(load_rows)(q.rows, x, stride, rows, dimension);
            NAME(pack_rows)(q.packed, x, stride, rows, dimension);
            NAME(load_rows)(q.slope_rows, y, stride, rows, dimension);
            NAME(pack_rows)(q.slopes_packed, y, stride, rows, dimension);
            for (long t = 0; t < key_tiles; t++) {
                long k0 = t * key_tile;
                long columns = pair->key_count - k0 < key_tile ? pair->key_count - k0 : key_tile;
                long limit = pair->distance + q0 + 1 - k0, lowest = limit - job->window;
                if (limit + rows - 1 <= 0) break;
                if (lowest >= columns) continue;
                S *at = packed + 3 * t * tile;
                NAME(key_operands) keys = {at, at + tile, at + 2 * tile};
                NAME(attention_tile)(
                    job, head, first, rows, pair->key_start + k0, columns, lowest, limit,
                    &q, &keys, weights, slopes);
            }
        }
}

static void NAME(fold_heads)(
    void *dp, const void *partsp, long width, long head_stride, long group, long rows,
    long dimension, long d_stride) {
    T *d = dp;
    const S *parts = partsp;
    for (long row = 0; row < rows; row++, d += d_stride, parts += width)
        for (long j = 0; j < dimension; j += LANES) {
            V sum = SUM(get)(parts, j, dimension);
            for (long h = 1; h < group; h++) sum += SUM(get)(parts + h * head_stride, j, dimension);
            NAME(put)(d, j, dimension, sum);
        }
}
