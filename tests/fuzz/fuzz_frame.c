/* Fuzzes the frame allocator with sequences of operations, against the model of the unit tests. */
#include "frame_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    frame_model_run(data, size);
    return 0;
}
