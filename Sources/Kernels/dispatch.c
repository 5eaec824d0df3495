#include "fledge_table.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const fledge_table fledge_table_portable;
#if defined(__x86_64__)
extern const fledge_table fledge_table_avx2, fledge_table_avx512, fledge_table_avx512_bf16;
extern const fledge_table fledge_table_widened_avx512_bf16, fledge_table_avx512_bf16_emulated;
#endif

static int runs_portable(void) { return 1; }
#if defined(__x86_64__)
static int runs_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
static int runs_avx512(void) {
    return runs_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}
static int runs_avx512_bf16(void) {
    return runs_avx512() && __builtin_cpu_supports("avx512bf16");
}
#endif

// From the best to what runs everywhere; the last is for tests of the one that is emulated.
static const struct { const fledge_table *table; int (*runs)(void); } paths[] = {
#if defined(__x86_64__)
    {&fledge_table_avx512_bf16, runs_avx512_bf16},
    {&fledge_table_widened_avx512_bf16, runs_avx512_bf16},
    {&fledge_table_avx512, runs_avx512},
    {&fledge_table_avx2, runs_avx2},
#endif
    {&fledge_table_portable, runs_portable},
#if defined(__x86_64__)
    {&fledge_table_avx512_bf16_emulated, runs_avx2},
#endif
};
enum { path_count = sizeof paths / sizeof paths[0] };

const char *fledge_kernels_name(long index) {
    return index < path_count ? paths[index].table->name : 0;
}

const fledge_table *fledge_kernels_named(const char *name) {
    for (long index = 0; index < path_count; index++)
        if (!strcmp(name, paths[index].table->name))
            return paths[index].runs() ? paths[index].table : 0;
    return 0;
}

// Intel's cores without AMX take VDPBF16PS apart: it multiplies at half the rate of float32 there
// (85 against 179 GFLOP/s on an Emerald Rapids core), so widening to float32 is faster.
static int is_slow(const fledge_table *table) {
#if defined(__x86_64__)
    return table == &fledge_table_avx512_bf16 && __builtin_cpu_is("intel");
#else
    return 0;
#endif
}

static const fledge_table *choose(void) {
    const char *name = getenv("FLEDGE_KERNELS");
    if (name && *name) {
        const fledge_table *table = fledge_kernels_named(name);
        if (table) return table;
        fprintf(stderr, "Fledge: FLEDGE_KERNELS=%s is not a path that this CPU runs\n", name);
    }
    for (long index = 0; index < path_count; index++)
        if (paths[index].runs() && !is_slow(paths[index].table)) return paths[index].table;
    return &fledge_table_portable;
}

static _Thread_local const fledge_table *override;

void fledge_override_kernels(const fledge_table *table) { override = table; }

const fledge_table *fledge_kernels(void) {
    static const fledge_table *_Atomic chosen;
    if (override) return override;
    const fledge_table *table = chosen;
    if (!table) chosen = table = choose();
    return table;
}

const fledge_element_kernels *fledge_kernels_of(const fledge_table *table, int type) {
    return type == FLEDGE_FLOAT64 ? table->float64
        : type == FLEDGE_BFLOAT16 ? table->bfloat16 : table->float32;
}
