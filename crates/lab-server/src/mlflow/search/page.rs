//! Pages of a search, some of whose conditions the store cannot decide.

use lab_model::{Cursor, Page, Paged, Result};

use crate::mlflow::failure::{Failure, Reply};

/// What was found, and the token of what follows.
pub(super) struct Found<T> {
    pub(super) items: Vec<T>,
    pub(super) next: Option<String>,
}

/// Decides what is not left out.
pub(super) type Keep<T> = Box<dyn Fn(&T) -> bool + Send + Sync>;

/// Where a page begins: in the store's page at the cursor, after so many of its items.
struct Place {
    cursor: Option<Cursor>,
    skip: usize,
}

impl Place {
    fn parse(token: Option<&str>) -> Reply<Self> {
        let Some(token) = token else { return Ok(Self { cursor: None, skip: 0 }) };
        let parts = token.split_once('-').and_then(|(skip, cursor)| Some((skip.parse().ok()?, cursor)));
        let (skip, cursor) = parts.ok_or_else(|| Failure::page_token(token))?;
        Ok(Self { cursor: (!cursor.is_empty()).then(|| Cursor(cursor.to_owned())), skip })
    }

    fn token(&self) -> String {
        format!("{}-{}", self.skip, self.cursor.as_ref().map_or("", |cursor| &cursor.0))
    }
}

/// The next `most` items that `keep` keeps, from the place that a token names.
pub(super) async fn collect<T, F>(
    token: Option<&str>,
    most: u32,
    find: impl Fn(Page) -> F,
    keep: Option<Keep<T>>,
) -> Reply<Found<T>>
where
    F: Future<Output = Result<Paged<T>>> + Send,
{
    let most = most as usize;
    let mut place = Place::parse(token)?;
    let mut items = Vec::new();
    loop {
        let wanted = u32::try_from(most - items.len()).unwrap_or(u32::MAX);
        // Where nothing is left out, a page of the store holds all that is wanted.
        let limit = if keep.is_none() && place.skip == 0 { wanted } else { Page::MAX_LIMIT };
        let page = Page { limit: limit.min(Page::MAX_LIMIT), cursor: place.cursor.clone() };
        let Paged { items: found, next_cursor, .. } = find(page).await?;
        for (at, item) in found.into_iter().enumerate().skip(place.skip) {
            if !keep.as_ref().is_none_or(|keep| keep(&item)) {
                continue;
            }
            if items.len() == most {
                return Ok(Found { items, next: Some(Place { skip: at, ..place }.token()) });
            }
            items.push(item);
        }
        let Some(cursor) = next_cursor else { return Ok(Found { items, next: None }) };
        place = Place { cursor: Some(cursor), skip: 0 };
        // The store says that more follows; where some of it may be left out, it is looked at.
        if items.len() == most && keep.is_none() {
            return Ok(Found { items, next: Some(place.token()) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers below `end`, in pages.
    async fn count(end: u32, page: Page) -> Result<Paged<u32>> {
        let first: u32 = page.cursor.map_or(0, |cursor| cursor.0.parse().unwrap());
        let items: Vec<u32> = (first..end).take(page.limit.min(7) as usize).collect();
        let next = first + items.len() as u32;
        let next_cursor = (next < end).then(|| Cursor(next.to_string()));
        Ok(Paged { total_count: u64::from(end), has_more: next_cursor.is_some(), items, next_cursor })
    }

    async fn all(end: u32, most: u32, keep: Option<fn(&u32) -> bool>) -> Vec<Vec<u32>> {
        let mut pages = Vec::new();
        let mut token = None;
        loop {
            let keep = keep.map(|keep| Box::new(keep) as Keep<u32>);
            let found = collect(token.as_deref(), most, |page| count(end, page), keep).await.unwrap();
            pages.push(found.items);
            token = found.next;
            if token.is_none() {
                return pages;
            }
        }
    }

    #[tokio::test]
    async fn pages_are_full_and_the_last_one_says_so() {
        assert_eq!(all(10, 5, None).await, [vec![0, 1, 2, 3, 4], vec![5, 6, 7, 8, 9]]);
        assert_eq!(all(20, 20, None).await.concat().len(), 20);
        assert_eq!(all(0, 3, None).await, [Vec::<u32>::new()]);
    }

    #[tokio::test]
    async fn what_is_left_out_leaves_no_gap() {
        let even: fn(&u32) -> bool = |n| n % 2 == 0;
        assert_eq!(all(20, 4, Some(even)).await, [vec![0, 2, 4, 6], vec![8, 10, 12, 14], vec![16, 18]]);
        assert_eq!(all(19, 5, Some(even)).await, [vec![0, 2, 4, 6, 8], vec![10, 12, 14, 16, 18]]);
        assert_eq!(all(20, 3, Some(|n| *n == 19)).await, [vec![19]]);
    }

    #[tokio::test]
    async fn a_token_that_is_none_is_refused() {
        assert!(collect(Some("x"), 1, |page| count(3, page), None).await.is_err());
    }
}
