#include "FledgeKernels.h"
const char *fledge_kernels_path(void) { return "portable"; }
