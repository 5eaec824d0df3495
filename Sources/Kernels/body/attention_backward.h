// Gradient of attention from the saved log-sum-exp: weights are computed again tile by tile.
//
// P = exp(s·QKᵀ - L), dV = Pᵀ·dO, dS = s·P∘(dO·Vᵀ - rowsum(dO∘O)), dQ = dS·K, dK = dSᵀ·Q.

INLINE void NAME(store_rows)(
    T *d, long stride, const S *x, long padded, long rows, long dimension) {
    for (long i = 0; i < rows; i++)
        for (long j = 0; j < dimension; j += LANES)
            NAME(put)(d + i * stride, j, dimension, SUM(load)(x + i * padded + j));
}

static void NAME(attention_backward)(const fledge_attention *job, long head) {
    long dimension = job->dimension, padded = NAME(padded)(dimension);
    long stride = job->query_stride, key_stride = job->key_stride;
    long queries = job->query_count, offset = job->key_count - queries;
    long tile = key_tile * padded;
    S *memory = fledge_scratch(
        FLEDGE_SCRATCH_TILES,
        (long)sizeof(S) * (9 * tile + 2 * query_tile * key_tile + queries * (padded + 1)));
    S *key_columns = memory, *key_rows = memory + tile, *value_columns = memory + 2 * tile;
    S *query_rows = memory + 3 * tile, *query_packed = memory + 4 * tile;
    S *out_rows = memory + 5 * tile, *out_packed = memory + 6 * tile;
    S *dk = memory + 7 * tile, *dv = memory + 8 * tile;
    S *weights = memory + 9 * tile, *slopes = weights + query_tile * key_tile;
    S *dq = slopes + query_tile * key_tile, *inner = dq + queries * padded;
    const T *q = (const T *)job->q + head * dimension;
    const T *dout = (const T *)job->output_gradient + head * dimension;
    const T *out = (const T *)job->output + head * dimension;
    const T *k = (const T *)job->k + head / job->group * dimension;
    const T *v = (const T *)job->v + head / job->group * dimension;
    V scale = (V){} + (S)job->scale;
    memset(dq, 0, queries * padded * sizeof(S));
    for (long i = 0; i < queries; i++)
        inner[i] = NAME(dot)(dout + i * stride, out + i * stride, dimension);
    for (long k0 = 0; k0 < job->key_count; k0 += key_tile) {
        long columns = job->key_count - k0 < key_tile ? job->key_count - k0 : key_tile;
        NAME(pack_columns)(key_columns, k + k0 * key_stride, key_stride, columns, dimension);
        NAME(pack_rows)(key_rows, k + k0 * key_stride, key_stride, columns, dimension);
        NAME(pack_columns)(value_columns, v + k0 * key_stride, key_stride, columns, dimension);
        memset(dk, 0, 2 * tile * sizeof(S));
        long begin = k0 - offset > 0 ? (k0 - offset) / query_tile * query_tile : 0;
        for (long q0 = begin; q0 < queries; q0 += query_tile) {
            long rows = queries - q0 < query_tile ? queries - q0 : query_tile;
            NAME(load_rows)(query_rows, q + q0 * stride, stride, rows, dimension);
            NAME(load_rows)(out_rows, dout + q0 * stride, stride, rows, dimension);
            NAME(pack_rows)(query_packed, q + q0 * stride, stride, rows, dimension);
            NAME(pack_rows)(out_packed, dout + q0 * stride, stride, rows, dimension);
            NAME(small_product)(
                rows, columns, dimension, query_rows, dimension, 1, key_columns, weights, key_tile,
                0);
            NAME(small_product)(
                rows, columns, dimension, out_rows, dimension, 1, value_columns, slopes, key_tile,
                0);
            for (long i = 0; i < rows; i++) {
                S *p = weights + i * key_tile, *s = slopes + i * key_tile;
                long valid = offset + q0 + i + 1 - k0;
                if (valid > columns) valid = columns;
                if (valid < 0) valid = 0;
                S log_sum = ((const S *)job->log_sums)[(q0 + i) * job->heads + head];
                for (long j = 0; j < valid; j += LANES) {
                    V e = SUM(exp)(SUM(load)(p + j) * scale - log_sum);
                    SUM(store)(p + j, e);
                    SUM(store)(s + j, e * (SUM(load)(s + j) - inner[q0 + i]) * scale);
                }
                for (long j = valid; j < columns; j++) p[j] = s[j] = 0;
            }
            NAME(small_product)(
                columns, dimension, rows, weights, 1, key_tile, out_packed, dv, padded, 1);
            NAME(small_product)(
                columns, dimension, rows, slopes, 1, key_tile, query_packed, dk, padded, 1);
            NAME(small_product)(
                rows, dimension, columns, slopes, key_tile, 1, key_rows, dq + q0 * padded, padded,
                1);
        }
        for (long i = 0; i < columns; i++) {
            long at = head * job->head_stride + (k0 + i) * dimension;
            memcpy((S *)job->dk + at, dk + i * padded, dimension * sizeof(S));
            memcpy((S *)job->dv + at, dv + i * padded, dimension * sizeof(S));
        }
    }
    NAME(store_rows)((T *)job->dq + head * dimension, stride, dq, padded, queries, dimension);
}

static void NAME(fold_heads)(
    void *dp, const void *partsp, long head_stride, long group, long rows, long dimension,
    long d_stride) {
    T *d = dp;
    const S *parts = partsp;
    for (long row = 0; row < rows; row++, d += d_stride, parts += dimension)
        for (long j = 0; j < dimension; j += LANES) {
            V sum = SUM(get)(parts, j, dimension);
            for (long h = 1; h < group; h++) sum += SUM(get)(parts + h * head_stride, j, dimension);
            NAME(put)(d, j, dimension, sum);
        }
}
