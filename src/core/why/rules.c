#include "core/why.h"

const char *dure_rule_wire(enum dure_rule rule)
{
    switch (rule) {
#define X(name, wire, text)                                                                                            \
    case DURE_RULE_##name: return wire;
        DURE_RULES(X)
#undef X
    }
    return "unknown";
}

const char *dure_rule_text(enum dure_rule rule)
{
    switch (rule) {
#define X(name, wire, text)                                                                                            \
    case DURE_RULE_##name: return text;
        DURE_RULES(X)
#undef X
    }
    return "unknown";
}

const char *dure_wait_name(enum dure_wait wait)
{
    switch (wait) {
#define X(name, text)                                                                                                  \
    case DURE_WAIT_##name: return text;
        DURE_WAITS(X)
#undef X
    }
    return "unknown";
}
