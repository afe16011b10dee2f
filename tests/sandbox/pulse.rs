//! A health check that was granted nothing.

use crate::scene::Sandbox;

pub(crate) const COMPONENT: &[u8] = chora_test_guests::PULSE;

#[tokio::test]
async fn a_check_that_asks_for_nothing_answers_without_any_grant() {
    let sandbox = Sandbox::new();
    let verdict = sandbox.guest(COMPONENT).await.probe().await.unwrap();
    assert_eq!(verdict.summary, "db has a pulse");
    assert!(sandbox.ledger().is_empty());
}
