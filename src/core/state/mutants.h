#pragma once
/* Mutants break one rule each, to prove that the tests would notice (tests/property/core). Only a test's own build has them. */
enum {
    DURE_CORE_MUTANT_NONE,
    DURE_CORE_MUTANT_BORROWED_AS_USED,       /* count borrowed leaves as used */
    DURE_CORE_MUTANT_SHARE_FORGOTTEN,        /* worst-case memory share not reserved */
    DURE_CORE_MUTANT_START_EARLY,            /* start before the borrowers have left */
    DURE_CORE_MUTANT_LONG_NOTICE,            /* a notice longer than the grace */
    DURE_CORE_MUTANT_MIXED_FRACTIONS,        /* fractions of two tenants on one GPU */
    DURE_CORE_MUTANT_CLOSED_SHARES,          /* a reserved GPU is closed to its tenant's own fractions */
    DURE_CORE_MUTANT_DEADLINES_MISSED,       /* what cannot end by its deadline goes on waiting */
    DURE_CORE_MUTANT_CEILINGS_ABOVE_IGNORED, /* only a tenant's own ceilings hold */
    DURE_CORE_MUTANT_USERS_UNCOUNTED,        /* a ceiling for each user does not hold */
    DURE_CORE_MUTANT_WINDOWS_IGNORED,        /* booked maintenance keeps nothing away */
    DURE_CORE_MUTANT_ORDER_IGNORED,          /* models in the order of declaration, whatever the request prefers */
    DURE_CORE_MUTANT_LISTS_FORGOTTEN,        /* any node will do */
    DURE_CORE_MUTANT_SPREAD_FORGOTTEN,       /* any number of tasks in one cell */
    DURE_CORE_MUTANT_MIG_OVERLAP,            /* instances placed as if the GPU were empty */
    DURE_CORE_MUTANT_MIG_BESIDE_MILLI,       /* instances and milli-fractions on one GPU */
    DURE_CORE_MUTANT_POWER_FORGOTTEN,        /* worst-case power not reserved */
    DURE_CORE_MUTANT_FUTURE_LIMIT_IGNORED,   /* a power limit ignored until it begins */
    DURE_CORE_MUTANT_FENCE_FORGOTTEN,        /* forbidden neighbours */
    DURE_CORE_MUTANT_YOUTH_ALONE,            /* victims chosen by youth alone */
    DURE_CORE_MUTANT_GANG_IN_PARTS,          /* a gang cut in half: only its GPUs on one node count */
    DURE_CORE_MUTANT_SHORT_NOTICE,           /* a notice shorter than promised */
    DURE_CORE_MUTANT_NEEDLESS_NOTICE,        /* notice given though the walltime ends in time */
    DURE_CORE_MUTANT_NOT_SPARED,             /* a notice that is not taken back */
    DURE_CORE_MUTANT_PLAN_IGNORED,           /* backfill takes what is kept for a planned start */
    DURE_CORE_MUTANT_PLAN_CELLS,             /* cells that a planned start counts on are bound elsewhere */
    DURE_CORE_MUTANT_PLAN_FIRST,             /* a start is sought for the first of the blocked alone */
    DURE_CORE_MUTANT_FOREIGN_FORGOTTEN,      /* GPUs that work outside dure uses are used as well */
    DURE_CORE_MUTANT_AWAY_IS_DOWN,           /* what runs on a node that is away is given up */
    DURE_CORE_MUTANT_PLAN_WINDOWS,           /* a start is planned into booked maintenance */
    DURE_CORE_MUTANT_FENCE_ONE_WAY,          /* whom a list forbids may come beside its data */
    DURE_CORE_MUTANT_AGE_ALONE,              /* whoever comes before a planned job, by age and not by share */
    DURE_CORE_MUTANT_SPREAD_IN_PARTS,        /* a spread over several rights, each by itself */
    DURE_CORE_MUTANT_ROOM_FORGOTTEN,         /* what a right that ends gives back is owed to nobody */
    DURE_CORE_MUTANT_MIDNIGHT,               /* the calendar moves on past what is due */
    DURE_CORE_MUTANT_CEILINGS_AFRESH,        /* under other ceilings what has a place already does not count */
    DURE_CORE_MUTANT_DATA_RESERVED,          /* a place is kept reserved where its data may not be any more */
    DURE_CORE_MUTANT_EVEN_FORGOTTEN,         /* gangs lie unevenly on nodes that a Slurm runs */
    DURE_CORE_MUTANT_EVEN_PARTS,             /* they stand on several parts of such nodes */
    DURE_CORE_MUTANTS_END,
};

#ifdef DURE_CORE_MUTANTS
extern int dure_core_mutant; /* the test's choice */
#define DURE_CORE_MUTATED(which) (dure_core_mutant == DURE_CORE_MUTANT_##which)
#else
#define DURE_CORE_MUTATED(which) false
#endif
