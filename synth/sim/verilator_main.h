// Around every design that Verilator writes: precompiled once, then included in front of it.
// $finish and $stop end the simulation with exit code 0, $fatal with 1; $error prints and goes on.

#include <limits>

#include "verilated.h"
#include "verilated_timing.h"

// Called for $fatal: the caller has made every $stop a $finish, and $error is below the limit.
void vl_stop(const char*, int, const char*) {
    Verilated::threadContextp()->gotError(true);
    Verilated::threadContextp()->gotFinish(true);
}

template <class Model>
int simulate(const char* name) {
    const std::unique_ptr<VerilatedContext> context{new VerilatedContext};
    context->threads(1);
    context->randSeed(1);  // without one every run would draw other numbers
    context->errorLimit(std::numeric_limits<int>::max());
    context->commandArgs(1, &name);
    const std::unique_ptr<Model> model{new Model{context.get(), ""}};
    while (!context->gotFinish()) {
        model->eval();
        if (!model->eventsPending()) break;
        context->time(model->nextTimeSlot());
    }
    model->final();
    return context->gotError() ? 1 : 0;
}
