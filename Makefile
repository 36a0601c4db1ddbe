# Entry points; what has a branch in it is in scripts/.
.PHONY: help demo test lint web python release clean

help: ## Show this
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: ## Build, train some small language models, compare them, show the page
	@scripts/demo

test: ## Run every test: Rust, Python, the page in Chromium
	@scripts/test

lint: ## Run every linter
	@scripts/lint

web: ## Build the web page that the server embeds
	@scripts/setup web

python: ## Install the Python package into .venv
	@scripts/setup python

release: web ## Build the program for use: target/release/lab
	cargo build --release --locked -p lab

clean: ## Remove what was built
	rm -rf target .venv web/node_modules crates/lab-server/page
