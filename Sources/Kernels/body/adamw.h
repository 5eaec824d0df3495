// Adam with decoupled weight decay (Loshchilov and Hutter 2019), all five arrays in one pass.

static void PATH(adamw)(
    float *p, const float *g, float *m, float *v, long n, double rate, double beta1, double beta2,
    double epsilon, double decay, double c1, double c2) {
    float keep = (float)(1 - rate * decay), step = (float)(rate / c1);
    float inverse_root = (float)(1 / sqrt(c2)), e = (float)epsilon;
    float b1 = (float)beta1, b2 = (float)beta2, n1 = (float)(1 - beta1), n2 = (float)(1 - beta2);
    for (long i = 0; i < n; i += VECTOR_BYTES / 4) {
        vf gradient = PATH(get_sum32)(g, i, n);
        vf first = PATH(get_sum32)(m, i, n) * b1 + gradient * n1;
        vf second = PATH(get_sum32)(v, i, n) * b2 + gradient * gradient * n2;
        vf root = __builtin_elementwise_sqrt(second) * inverse_root + e;
        PATH(put_sum32)(p, i, n, PATH(get_sum32)(p, i, n) * keep - step * first / root);
        PATH(put_sum32)(m, i, n, first);
        PATH(put_sum32)(v, i, n, second);
    }
}
