//! The HTTP faces of the tracker: native API, events, metrics and the web page.
