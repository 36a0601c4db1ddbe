//! Resampling: bootstrap intervals, permutation tests, and aggregate scores over tasks.
//!
//! All randomness comes from ChaCha with 8 rounds, seeded by the caller: the same seed gives the same answer on every
//! machine. An index is a multiply and a shift of 32 random bits; its bias is below n / 2^32, and above a million values
//! 64 bits are used.

mod aggregate;
mod bootstrap;
mod permutation;
mod statistic;

pub use aggregate::{AggregateOptions, AggregateScores, aggregate_scores, probability_of_improvement};
pub use bootstrap::{
    BootstrapMethod, BootstrapOptions, BootstrapResult, bootstrap, bootstrap_difference, bootstrap_paired,
};
pub use permutation::{PermutationMethod, PermutationStatistic, permutation_paired, permutation_two_sample};
pub use statistic::Statistic;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use crate::error::{Result, StatsError};

/// Draws one procedure may take: some twenty seconds.
const MAX_DRAWS: f64 = 1e10;

/// Random indices.
struct Indices {
    rng: ChaCha8Rng,
}

impl Indices {
    fn seeded(seed: u64) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// Calls `visit` with `count` indices below `below`.
    #[inline]
    fn draw(&mut self, count: usize, below: usize, mut visit: impl FnMut(usize)) {
        if below > 1 << 20 {
            for _ in 0..count {
                visit(self.one(below));
            }
            return;
        }
        let below = below as u64;
        for _ in 0..count / 2 {
            let bits = self.rng.next_u64();
            visit((((bits & 0xffff_ffff) * below) >> 32) as usize);
            visit((((bits >> 32) * below) >> 32) as usize);
        }
        if count % 2 == 1 {
            visit(((u64::from(self.rng.next_u32()) * below) >> 32) as usize);
        }
    }

    /// One index below `below`, from 64 bits.
    fn one(&mut self, below: usize) -> usize {
        ((u128::from(self.rng.next_u64()) * below as u128) >> 64) as usize
    }

    fn flip(&mut self) -> bool {
        self.rng.next_u32() & 1 == 1
    }
}

fn check_work(procedure: &'static str, values: usize, resamples: usize) -> Result<()> {
    if resamples == 0 {
        return Err(StatsError::out_of_range("n_resamples", resamples, "at least 1"));
    }
    let draws = values as f64 * resamples as f64;
    if draws > MAX_DRAWS {
        return Err(StatsError::TooLarge {
            procedure,
            cost: format!("{draws:.0e}"),
            instead: "ask for fewer resamples, or use a t or rank test, which are accurate at this size",
        });
    }
    Ok(())
}
