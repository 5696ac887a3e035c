#pragma once
/* exp and log by series, from + - * / alone: the same bits on every machine, which libm does not promise. */

static inline double dure_exponential(double x)
{
    double sum = 1, term = 1;
    int halvings = 0;
    while (x > 0.5 || x < -0.5) {
        x /= 2;
        halvings++;
    }
    for (int i = 1; i < 20; i++) {
        term *= x / i;
        sum += term;
    }
    while (halvings-- > 0)
        sum *= sum;
    return sum;
}

/* Of a positive number; within a few units in the last place near 1. */
static inline double dure_logarithm(double x)
{
    const double ln2 = 0.693147180559945309417232121458;
    double whole = 0, sum = 0;
    while (x > 1.4142135623730951) {
        x /= 2;
        whole += 1;
    }
    while (x < 0.70710678118654752) {
        x *= 2;
        whole -= 1;
    }
    const double t = (x - 1) / (x + 1);
    double power = t;
    for (int i = 1; i < 40; i += 2) {
        sum += power / i;
        power *= t * t;
    }
    return whole * ln2 + 2 * sum;
}
