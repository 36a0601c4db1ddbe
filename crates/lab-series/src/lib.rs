//! Metric columns: encode, merge, summarise and down-sample series of points. No I/O.
