#pragma once
/* A random life that the core and the naive reference decide beside each other: what both draw from, and what is declared and asked in it. */
#include "base/timefmt.h"
#include "reference/reference.h"
#include "rig.h"

enum { SHAPES = 5, KINDS = 128, FIRST_RIGHTS = 8, CEILING_MARK = '@' };
#define FIRST_US (INT64_C(1700000000) * DURE_SECOND_US) /* when a life begins */

struct match {
    struct rig rig;
    struct reference reference;
    struct dure_buf core, naive; /* what each decided at this step, a line each */
    bool parted;
    uint64_t life; /* its seed */
    bool lists, spreads, ceilings, uses_data, promises, outsiders, powers, books, is_wide, is_even;
    bool looks_ahead; /* maintenance is booked ahead: with the fixed seed, and in a soak */
    uint32_t rights;  /* that were named so far */
    char tenants_text[1 << 14], lending_text[1 << 10], rights_text[1 << 12]; /* as declared; CEILING_MARK: a ceiling */
    uint32_t ceiling_count;
    struct ceiling {
        uint32_t kind, count; /* count 0: none */
    } ceiling[REFERENCE_TENANTS];
    struct dure_tenants *redeclared;
    uint32_t tops;                       /* tenants at the top */
    uint32_t named[2];                   /* tenants, by the datasets in force */
    uint32_t second_racks, second_model; /* of the second chain; second_racks 0: there is none */
    uint64_t starts_there[REFERENCE_CHAINS], ranked[REFERENCE_CHAINS]; /* where there are two chains, on each */
    uint64_t around, kept_off, behind, too_near;                       /* as the reference counts them */
    uint64_t planned_there, barred, instances, alone, fenced, foes, listed, spread, listed_by_right, spread_by_right,
        evens, evens_by_right;
    uint32_t trouble;    /* so many steps of a hundred are nodes that go or come */
    uint64_t granted[2]; /* refused; accepted */
    uint64_t inputs[KINDS], told[KINDS], causes[KINDS], dimmed, changed, stopped, lifted, lowered, reclaimed, served,
        fractions;
    struct shape {
        uint32_t tasks, gpus, tasks_per_node, milli, mib;
        const char *level;
        bool required;
        uint32_t first, count; /* nodes that it may use, or, `leaves_out`, not; count 0: any */
        bool leaves_out;
        uint32_t spread_max;
        const char *spread_level;
        uint64_t data;
        const char *mig;     /* "": none */
        uint32_t memory_mib; /* of whole GPUs, at least */
        uint64_t models, model_order;
    } shapes[SHAPES]; /* of which jobs are: so that many ask for the same */
};

/* ---- chances and records (reference_test.c) ---- */

uint32_t match_below(uint32_t bound);
/* What lives have got since some of them are kept: by a row of chances of its own, so that those stay what they were. */
uint32_t match_more(uint32_t bound);
uint32_t
match_late(uint32_t bound); /* what lives have got later still: by another row, so that others are what they were */
bool match_is_plain(void);  /* a life of which only the first part is drawn */
/* Both take the record, and what each decided is compared. False: the core refused it. */
bool match_both(struct match *match, struct dure_record *record);

/* ---- what is declared (reference_specs.c) ---- */

uint32_t match_chain(const struct match *match); /* one of them */
void match_make_specs(struct match *match, struct dure_buf *fleet, struct dure_buf *tenants);
void match_declare_data(struct match *match);
void match_move_data(struct match *match); /* datasets may be used elsewhere */
void match_promise(struct match *match);   /* a right is granted, cut down or ended */
void match_ceilings(struct match *match);  /* what a tenant or its users may hold is another */
void match_book(struct match *match);      /* maintenance begins, or is over before its time */
void match_power(
    struct match *match); /* limits of the site, of racks and of nodes, now or soon; those of before are lifted */
void match_rare(struct match *match); /* terms, datasets, prices; and a word from those who keep their work */
