#include "sim/make/kinds.h"

const uint32_t knot_shares[KIND_KNOTS] = {0, 10000, 25000, 50000, 75000, 90000, 95000, 99000, 99900, 100000};

#define M 60u
#define H 3600u
#define D 86400u

const struct kind kinds[KIND_COUNT] = {
    {"pretraining",
     {0, 0, 0, 0, 0, 0, 400, 300, 200, 80, 20},
     {10 * M, 1 * H, 3 * H, 9 * H, 1 * D, 2 * D, 4 * D, 9 * D, 14 * D, 21 * D},
     100,
     30,
     HOURS_FLAT},
    {"fine-tuning",
     {0, 0, 100, 500, 250, 120, 30, 0, 0, 0, 0},
     {5 * M, 15 * M, 30 * M, 90 * M, 5 * H, 14 * H, 1 * D, 2 * D, 5 * D, 7 * D},
     300,
     20,
     HOURS_OFFICE},
    {"experiments",
     {550, 200, 150, 100, 0, 0, 0, 0, 0, 0, 0},
     {10, 45, 3 * M, 12 * M, 1 * H, 5 * H, 12 * H, 1 * D, 3 * D, 7 * D},
     400,
     0,
     HOURS_OFFICE},
    {"serving",
     {500, 200, 150, 150, 0, 0, 0, 0, 0, 0, 0},
     {10 * M, 1 * H, 4 * H, 12 * H, 1 * D, 3 * D, 7 * D, 14 * D, 28 * D, 30 * D},
     50,
     0,
     HOURS_FLAT},
    {"batch inference",
     {700, 150, 100, 50, 0, 0, 0, 0, 0, 0, 0},
     {1 * M, 3 * M, 8 * M, 25 * M, 1 * H, 3 * H, 6 * H, 12 * H, 1 * D, 2 * D},
     600,
     10,
     HOURS_FLAT},
    {"notebooks",
     {900, 100, 0, 0, 0, 0, 0, 0, 0, 0, 0},
     {1 * M, 5 * M, 20 * M, 1 * H, 2 * H, 5 * H, 8 * H, 12 * H, 1 * D, 2 * D},
     200,
     0,
     HOURS_OFFICE},
    {"robot simulation",
     {600, 250, 100, 50, 0, 0, 0, 0, 0, 0, 0},
     {1 * M, 4 * M, 10 * M, 30 * M, 2 * H, 5 * H, 8 * H, 16 * H, 1 * D, 2 * D},
     500,
     5,
     HOURS_NIGHT},
    {"factory training",
     {0, 0, 0, 500, 300, 200, 0, 0, 0, 0, 0},
     {10 * M, 30 * M, 1 * H, 3 * H, 6 * H, 10 * H, 1 * D, 2 * D, 4 * D, 7 * D},
     200,
     15,
     HOURS_NIGHT},
};

const uint16_t mix_weights[DURE_MIX_COUNT][KIND_COUNT] = {
    [DURE_MIX_TRAINING] = {20, 180, 700, 0, 50, 50, 0, 0},
    [DURE_MIX_INFERENCE] = {0, 20, 80, 300, 600, 0, 0, 0},
    [DURE_MIX_STARTUPS] = {2, 120, 450, 80, 100, 248, 0, 0},
    [DURE_MIX_FACTORIES] = {1, 30, 100, 40, 50, 29, 600, 150},
    [DURE_MIX_NATIONAL] = {8, 110, 380, 60, 180, 102, 130, 30},
};

/* Office hours in Seoul with a dip at noon, an evening of deadlines, and little at weekends; nights when the lines stand still. */
static const uint16_t office[24] = {25,  18,  14,  12,  12,  14,  22,  45,  110, 190, 220, 205,
                                    130, 195, 225, 220, 205, 185, 140, 105, 95,  85,  65,  40};
static const uint16_t night[24] = {220, 210, 190, 160, 120, 80, 50,  35,  30,  30,  35,  40,
                                   45,  45,  45,  50,  60,  80, 110, 150, 190, 210, 220, 220};
static const uint16_t office_days[7] = {110, 118, 120, 118, 108, 62, 64};
static const uint16_t night_days[7] = {105, 105, 105, 105, 105, 95, 80};

uint32_t hour_weight(enum hours hours, unsigned weekday, unsigned hour)
{
    return hours == HOURS_OFFICE  ? office[hour] * office_days[weekday] / 100u
           : hours == HOURS_NIGHT ? night[hour] * night_days[weekday] / 100u
                                  : 100u;
}
