//! What is done account by account within a second that all share: so many at a time, and one that fails holds up none of the others.

use std::fmt::Display;

use carillon_runtime::logs::chain;
use carillon_store::StoreError;
use futures::{StreamExt, stream};

/// Done in one look; the rest waits for the next one.
pub const A_LOOK: usize = 100;
const CONCURRENT: usize = 8;

/// `failed` says what can't be done, for the log.
pub async fn each<I: Display, T, F>(
    named: impl IntoIterator<Item = (I, T)>,
    failed: &'static str,
    act: impl Fn(T) -> F,
) where
    F: Future<Output = Result<(), StoreError>>,
{
    let act = &act;
    let acts = named.into_iter().take(A_LOOK);
    let acts = acts.map(|(id, it)| async move { (id, act(it).await) });
    let mut done = stream::iter(acts).buffer_unordered(CONCURRENT);
    while let Some((id, ended)) = done.next().await {
        if let Err(error) = ended {
            tracing::error!(%id, error = chain(&error), "{failed}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn one_that_fails_holds_up_none_of_the_others_and_a_look_has_an_end() {
        let done = Mutex::new(Vec::new());

        let named = (0..A_LOOK + 50).map(|number| (number, number));
        each(named, "it can't be done", async |number| {
            if number % 10 == 0 {
                return Err(StoreError::corrupt("a test"));
            }
            done.lock().unwrap().push(number);
            Ok(())
        })
        .await;

        let mut done = done.into_inner().unwrap();
        done.sort_unstable();
        let expected = (0..A_LOOK).filter(|number| number % 10 != 0);
        assert_eq!(done, expected.collect::<Vec<_>>());
    }
}
