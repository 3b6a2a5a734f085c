/* System calls of several threads on two CPUs against the model of capabilities and ports. */
#include "calls_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    calls_model_run(data, size < 6000 ? size : 6000);
    return 0;
}
