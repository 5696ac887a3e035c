#include "engine/engine.h"

void dure_engine_free(struct dure_engine *engine)
{
    if (engine)
        engine->free(engine->state);
}
