"""Defects: what is known to be wrong with the measures that quality reports rest on, and who showed it.

A defect says that a good figure does not mean what its reader takes it to mean; the figure itself may be right. Figures
without another source were measured with the package itself on the census tables that mostlyai-qa ships: 2,000 training
records, 2,000 held-out ones, a good synthetic table, and the training records with 30 % of the cells changed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Defect:
    """One thing that is wrong with a measure.

    Attributes
    ----------
    name : str
        A short name to count and to look up by.
    reason : str
        What goes wrong, for a data steward.
    source : str
        Who showed it.
    instead : str
        The check of this audit that answers the question properly, or nothing.
    """

    name: str
    reason: str
    source: str
    instead: str = ""

    def to_dict(self) -> dict[str, str]:
        """Plain JSON."""
        return asdict(self)


NO_REFERENCE = Defect(
    "no reference",
    "The score has no interval and is not held against real data that were held out, so a reader cannot tell good "
    "from too good: a verbatim copy of the training records scores 1.0, held-out real records score less.",
    "SDMetrics 0.32 on the census tables: a copy scores 1.000 throughout, held-out records .981 and .954",
    "detection",
)
ONE_COLUMN = Defect(
    "blind to relations",
    "It looks at one column at a time: records in which every column was shuffled by itself score 1.0.",
    "SDMetrics 0.32 on the census tables: every column shuffled by itself scores 1.000",
    "detection",
)
OWN_BINS = Defect(
    "ruled by extremes",
    "Numbers are cut into bins between each table's own smallest and largest value, so one extreme record shifts all "
    "bins, and a generator that protects extremes is punished for it.",
    "definition in SDMetrics 0.32 (numpy.histogram_bin_edges on each table by itself)",
    "trend",
)
WEAK_PAIRS = Defect(
    "invented relations go unseen",
    "Since version 0.27 only pairs count that are strongly related in the real table; what the synthetic table "
    "relates and the real one does not is left out.",
    "SDMetrics issues 816 and 817; on the census tables 14 of 105 pairs count",
    "trend",
)
VALID_IS_NOT_GOOD = Defect(
    "says nothing of quality or privacy",
    "It asks only whether values lie within the real range or among the real levels: a table of one record repeated, "
    "and a copy of the training records, both score 1.0.",
    "SDMetrics 0.32 on the census tables: 2,000 times the most frequent values score 1.000",
    "detection",
)
LOGISTIC = Defect(
    "blind classifier",
    "A logistic regression sees only shifts of single columns: records in which every column was shuffled by itself, "
    "and training records with 30 % of the cells changed, score a perfect 1.0. Gradient boosting tells the shuffled "
    "ones from real records with an AUC of .990.",
    "Adult, every column shuffled by itself; SDMetrics 0.32 on the census tables",
    "detection",
)
NEW_ROWS = Defect(
    "one changed cell makes a row new",
    "Only rows that equal a real row in every column count as copied: training records with 30 % of the cells changed"
    " score .95.",
    "SDMetrics 0.32 on the census tables",
    "membership",
)
DCR = Defect(
    "distance is not privacy",
    "The distance to the closest record does not tell whether records leak: SynthEval's own example hepatitis/daib "
    "passes with a share of .508 and loses to a calibrated membership attack with an AUC of .648.",
    "Yao et al. 2025; Ganev and De Cristofaro 2023; Pilgram et al. 2025",
    "membership",
)
DCR_SUBSAMPLED = Defect(
    "subsampling hides copies",
    "With num_rows_subsample the training table is thinned, too, and a copied record no longer meets its original: a "
    "verbatim copy scores .66 instead of 0.",
    "SDMetrics 0.32; 400 census records of which 100 are drawn: .73 instead of .00",
    "membership",
)
DCR_BASELINE = Defect(
    "beats only noise",
    "Synthetic records are held against random values between the real extremes, which any sensible generator comes "
    "closer to real records than; held-out records are not asked.",
    "definition in SDMetrics 0.32",
    "membership",
)
EMBEDDED = Defect(
    "depends on wording",
    "Words are compared by a language model's embedding, two to four numbers a column, and each record is scaled to "
    "length 1: renaming a level moves records, and records that differ by a common factor fall together.",
    "definition in mostlyai-qa 1.10 (embeddings, PCA, L2 normalisation)",
    "detection",
)
CHOSEN_COLUMNS = Defect(
    "not reproducible",
    "Beyond ten encoded columns it is computed on groups of columns, some drawn at random without a seed, and the "
    "group with the largest share of nearer records is reported, its matches and distances with it.",
    "mostlyai-qa 1.10: two runs on the same census tables gave shares of .609 and .626 to the 30 % copy",
    "membership",
)
EXPECTATION = Defect(
    "not a measured maximum",
    "It is no held-out figure but a formula for two samples of the same distribution, with frequencies estimated from"
    " training and held-out records together; a copy of the training records exceeds it.",
    "mostlyai-qa 1.10 on the census tables: a verbatim copy is .966 accurate, against a maximum of .942",
    "three_way",
)
TOP_TEN = Defect(
    "blind to tails and rare levels",
    "Numbers are cut at ten quantiles and levels beyond the ten most frequent are pooled: what happens in a tail or "
    "among rare diagnoses cannot be seen.",
    "definition in mostlyai-qa 1.10",
    "rare_values",
)
EXACT_MATCHES = Defect(
    "whole records only",
    "Only records that are identical, or nearly so in every column, count: of the training records with 30 % of the "
    "cells changed they are .05.",
    "mostlyai-qa 1.10 on the census tables, SynthEval 1.7 on 600 of their records",
    "membership",
)
ALIGNED_COPY = Defect(
    "takes a copy for the best there is",
    "When the synthetic table equals the real one row by row it is taken for the same table, and each record's own "
    "copy is left out: a row-aligned verbatim copy scores as perfect.",
    "SynthEval 1.7 on 600 census records: a copy in order has a median DCR of 1.0 and a risk of 0.0, shuffled 0.0 and"
    " 1.0",
    "copies",
)
ROUNDED_ENTROPY = Defect(
    "weights without meaning",
    "Columns are weighed by the entropy of their rounded values after scaling to 0..1, where rounding leaves two "
    "values: a number of which nobody is above the middle of its range gets a weight of 1e16 and rules the distance "
    "alone.",
    "SynthEval 1.7, metric eps_risk",
    "membership",
)
HOLDOUT_SHARE = Defect(
    "wrong denominator",
    "The held-out records at risk are divided by the number of training records, so a smaller held-out table makes "
    "the loss look larger.",
    "SynthEval 1.7, metric eps_risk",
    "membership",
)
TIED_QUANTILES = Defect(
    "a copy does not score 0",
    "Each bin between quantiles is expected to hold the same share, which columns with repeated values never do, and "
    "codes of levels are treated as numbers: a verbatim copy scores .037 instead of 0.",
    "SynthEval 1.7 on 600 census records",
    "shape",
)
MISPLACED_LEVELS = Defect(
    "misplaced levels",
    "Codes of levels are counted in bins between each table's own extremes, so that levels shift against each other "
    "where a table lacks the first or the last.",
    "SynthEval 1.7, metric h_dist",
    "shape",
)
MIXED_SCALES = Defect(
    "unlike things added up",
    "Correlations of numbers stand beside the square of Cramér's V and the square of the correlation ratio, so "
    "relations of levels count for less than they are, and one norm is taken over all.",
    "SynthEval 1.7, metric corr_diff",
    "trend",
)
NUMBERS_AS_WORDS = Defect(
    "numbers taken for words",
    "Numbers are compared as words, so two columns of nearly unique values share all information in either table, "
    "whatever their relation.",
    "SynthEval 1.7, metric mi_diff",
    "trend",
)
UNCALIBRATED_ATTACK = Defect(
    "attack of unknown strength",
    "The attacker learns to tell synthetic from held-out records, not members from others, and its recall and "
    "precision at one threshold say little of the records most at risk.",
    "definition in SynthEval 1.7, metric mia",
    "membership",
)
AUTHENTICITY = Defect(
    "wrong index",
    "Distances among real records are looked up by the positions of synthetic ones, so a record's distance to the "
    "synthetic table is held against that of some other record.",
    "synthcity 0.2, metric alpha_precision (authenticity)",
    "authenticity",
)
CLUSTERED_ANONYMITY = Defect(
    "not k-anonymity",
    "The size of the smallest k-means cluster says nothing of how many people share quasi-identifiers.",
    "synthcity 0.2, metric k-anonymization",
    "singling_out",
)
