// The gradient of a chunk of the gated delta rule; see delta_products.h for what is what.

typedef struct SUM(delta_gradient) {
    S *output;            // [rows, value_width]; changed
    S *state;             // [key channels, value_width]: behind the chunk, then before it
    S *q, *k;             // [rows, key_width]; added to
    S *values;            // [rows, value_width]; set
    S *beta, *sums;       // set
    S *p, *m;             // [rows, 64]
    S *unforeseen;        // [rows, value_width]
    S *part;              // [rows, key_width]
    S *packed;
} SUM(delta_gradient);

// Adds a product's rows to the gradient of keys or queries; returns in `sums` what each row's decay gets.
INLINE void SUM(delta_take)(
    const SUM(delta_chunk) *c, const S *x, const S *part, S *gradient, S *sums, S sign) {
    for (long i = 0; i < c->rows; i++) {
        long at = i * c->key_width;
        sums[i] += sign * SUM(delta_dot)(x + at, part + at, c->key_width);
        SUM(delta_add)(gradient + at, part + at, 1, c->key_width);
    }
}

// What V and the state behind the chunk give: the gradient of V, in `values`.
static void SUM(delta_gradient_of_v)(
    const SUM(delta_chunk) *c, const SUM(delta_gradient) *d, const S *state, const int is_zero,
    const int is_last) {
    long n = c->rows, kw = c->key_width, vw = c->value_width;
    if (!is_last) {
        SUM(delta_rows_product)(
            n, vw, c->key_channels, c->k, kw, 1, d->state, vw, d->values, vw, 0, whole_product);
        for (long i = 0; i < n; i++) {
            SUM(delta_scale)(d->values + i * vw, d->values + i * vw, c->behind[i], vw);
            SUM(delta_scale)(d->unforeseen + i * vw, c->v + i * vw, c->behind[i], vw);
        }
        SUM(delta_transposed)(d->packed, d->state, vw, c->key_channels, vw);
        SUM(delta_packed_product)(
            n, c->key_channels, vw, d->unforeseen, vw, d->packed, d->part, kw, 0, whole_product);
        SUM(delta_take)(c, c->k, d->part, d->k, d->sums, -1);
        S total = 0;
        for (long i = 0; i < n; i++) total -= d->sums[i];
        if (!is_zero) {
            S inner = 0;
            for (long i = 0; i < c->key_channels; i++)
                inner += SUM(delta_dot)(d->state + i * vw, state + i * vw, vw);
            total += c->before[n - 1] * inner;
        }
        d->sums[n - 1] += total;
    }
    SUM(delta_rows_product)(
        n, vw, n, c->p, 1, chunk_rows, d->output, vw, d->values, vw, !is_last, upper_terms);
}

// What the products of queries and keys with keys get.
static void SUM(delta_gradient_of_scores)(
    const SUM(delta_chunk) *c, const SUM(delta_gradient) *d) {
    long n = c->rows, kw = c->key_width, vw = c->value_width;
    SUM(delta_transposed)(d->packed, c->v, vw, n, vw);
    SUM(delta_packed_product)(
        n, n, vw, d->output, vw, d->packed, d->p, chunk_rows, 0, lower_columns);
    SUM(delta_packed_product)(
        n, n, vw, d->values, vw, d->packed, d->m, chunk_rows, 0, lower_columns);
    for (long i = 0; i < n; i++) {
        long row = i * chunk_rows;
        V of_decay = {}, of_beta = {};
        for (long j = 0; j < chunk_rows; j += LANES) {
            V p = {}, m = {};
            if (j <= i) {
                p = SUM(lanes_between)(SUM(load)(d->p + row + j), 0, i + 1 - j, p);
                m = -SUM(lanes_between)(SUM(load)(d->m + row + j), 0, i - j, m);
                V of_m = m * SUM(load)(c->m + row + j);
                of_beta += of_m;
                V both = MULTIPLY_ADD(p, SUM(load)(c->p + row + j), of_m * c->beta[i]);
                of_decay += both;
                SUM(store)(d->sums + j, SUM(load)(d->sums + j) - both);
                V decay = SUM(load)(c->decays + row + j);
                p *= decay;
                m *= decay * c->beta[i];
            }
            SUM(store)(d->p + row + j, p);
            SUM(store)(d->m + row + j, m);
        }
        d->sums[i] += SUM(reduce)(of_decay);
        d->beta[i] += SUM(reduce)(of_beta);
    }
    SUM(delta_rows_product)(
        n, kw, n, d->p, chunk_rows, 1, c->k, kw, d->q, kw, 1, lower_terms);
    SUM(delta_rows_product)(
        n, kw, n, d->p, 1, chunk_rows, c->q, kw, d->k, kw, 1, upper_terms);
    SUM(delta_rows_product)(
        n, kw, n, d->m, chunk_rows, 1, c->k, kw, d->k, kw, 1, lower_terms);
    SUM(delta_rows_product)(
        n, kw, n, d->m, 1, chunk_rows, c->k, kw, d->k, kw, 1, upper_terms);
}

// All of a chunk that began with `state`, zero if `is_zero`; nothing is behind it if `is_last`.
static void SUM(delta_chunk_backward)(
    const SUM(delta_chunk) *c, const SUM(delta_gradient) *d, const S *state, const int is_zero,
    const int is_last) {
    long n = c->rows, kw = c->key_width, vw = c->value_width;
    memset(d->sums, 0, chunk_rows * sizeof(S));
    memset(d->beta, 0, chunk_rows * sizeof(S));
    SUM(delta_gradient_of_v)(c, d, state, is_zero, is_last);
    SUM(delta_solve_transposed)(n, vw, c->solve, d->values);
    SUM(delta_gradient_of_scores)(c, d);
    for (long i = 0; i < n; i++) {
        S *values = d->values + i * vw;
        d->beta[i] += SUM(delta_dot)(values, c->y + i * vw, vw);
        SUM(delta_scale)(values, values, c->beta[i], vw);
        SUM(delta_scale)(d->unforeseen + i * vw, values, -c->before[i], vw);
        SUM(delta_scale)(d->output + i * vw, d->output + i * vw, c->before[i], vw);
    }
    // Nobody asks for the gradient of a state that is zero.
    if (is_zero) return;
    SUM(delta_transposed)(d->packed, state, vw, c->key_channels, vw);
    SUM(delta_packed_product)(
        n, c->key_channels, vw, d->output, vw, d->packed, d->part, kw, 0, whole_product);
    SUM(delta_take)(c, c->q, d->part, d->q, d->sums, 1);
    SUM(delta_packed_product)(
        n, c->key_channels, vw, d->unforeseen, vw, d->packed, d->part, kw, 0, whole_product);
    SUM(delta_take)(c, c->k, d->part, d->k, d->sums, 1);
    if (!is_last)
        for (long i = 0; i < c->key_channels; i++)
            SUM(delta_scale)(d->state + i * vw, d->state + i * vw, c->before[n - 1], vw);
    SUM(delta_rows_product)(
        c->key_channels, vw, n, c->q, 1, kw, d->output, vw, d->state, vw, !is_last,
        whole_product);
    SUM(delta_rows_product)(
        c->key_channels, vw, n, c->k, 1, kw, d->unforeseen, vw, d->state, vw, 1, whole_product);
}
