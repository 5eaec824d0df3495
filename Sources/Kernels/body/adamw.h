// Adam with decoupled weight decay (Loshchilov and Hutter 2019), all arrays in one pass.

INLINE void PATH(adamw_as)(const fledge_adamw *job, int has_master, int has_rounded) {
    float *p = job->p, *m = job->first, *v = job->second;
    const float *g = job->gradient;
    uint16_t *rounded = job->rounded;
    long n = job->n;
    float scale = (float)job->gradient_scale;
    float keep = (float)(1 - job->rate * job->decay), step = (float)(job->rate / job->c1);
    float inverse_root = (float)(1 / sqrt(job->c2)), e = (float)job->epsilon;
    float b1 = (float)job->beta1, b2 = (float)job->beta2;
    float n1 = (float)(1 - job->beta1), n2 = (float)(1 - job->beta2);
    for (long i = 0; i < n; i += VECTOR_BYTES / 4) {
        vf gradient = PATH(get_sum32)(g, i, n) * scale;
        vf first = PATH(get_sum32)(m, i, n) * b1 + gradient * n1;
        vf second = PATH(get_sum32)(v, i, n) * b2 + gradient * gradient * n2;
        vf root = __builtin_elementwise_sqrt(second) * inverse_root + e;
        vf old = has_master ? PATH(get_sum32)(p, i, n) : PATH(get_bfloat16)(rounded, i, n);
        vf new = old * keep - step * first / root;
        if (has_master) PATH(put_sum32)(p, i, n, new);
        if (has_rounded) PATH(put_bfloat16)(rounded, i, n, new);
        PATH(put_sum32)(m, i, n, first);
        PATH(put_sum32)(v, i, n, second);
    }
}

static void PATH(adamw)(const fledge_adamw *job) {
    if (!job->rounded) PATH(adamw_as)(job, 1, 0);
    else if (job->p) PATH(adamw_as)(job, 1, 1);
    else PATH(adamw_as)(job, 0, 1);
}
