-- Searches that ask for a value of a parameter or a tag begin with the runs that have it.
CREATE INDEX run_parameters_by_value ON run_parameters (key, value, kind);
CREATE INDEX run_tags_by_value ON run_tags (key, value);
