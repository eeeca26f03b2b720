//! What faults, crashes, races and kills may not change.

mod ledger;
