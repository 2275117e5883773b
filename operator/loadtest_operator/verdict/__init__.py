"""From windows to numbers: histograms, run records, figures, validity. Pure: numbers in, numbers out."""
