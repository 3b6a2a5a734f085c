/* Fuzzes the kernel heap with sequences of operations, against the model of the unit tests. */
#include "heap_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    heap_model_run(data, size);
    return 0;
}
