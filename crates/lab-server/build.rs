//! Makes sure that there is a page to embed: the built one, or one that says how to build it.

use std::{fs, path::Path};

const PLACEHOLDER: &str = "<!doctype html><meta charset=utf-8><title>LLM-Research-Lab</title>\
<p>This program was built without its page. Run <code>make web</code> and build it again; \
the API is at <a href=/api/v1/openapi.json>/api/v1/openapi.json</a>.\n";

fn main() {
    let page = Path::new("page");
    println!("cargo::rerun-if-changed=page/index.html");
    if !page.join("index.html").exists() {
        println!("cargo::warning=the web page is not built: run `make web` to have it in the program");
        fs::create_dir_all(page).expect("the crate's folder can be written");
        fs::write(page.join("index.html"), PLACEHOLDER).expect("the crate's folder can be written");
    }
}
