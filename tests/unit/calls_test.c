/* System calls against the model (calls_model.h): random sequences, as the fuzzer makes them. */
#include "calls_model.h"
#include "unit.h"

#define INPUTS 16
#define BYTES  (6 * 400)

TEST(calls_agree_with_the_model)
{
    for (uint32_t i = 0; i < INPUTS; i++) {
        uint8_t bytes[BYTES];
        for (uint32_t b = 0; b < BYTES; b++)
            bytes[b] = (uint8_t)unit_random();
        calls_model_run(bytes, BYTES);
    }
}
