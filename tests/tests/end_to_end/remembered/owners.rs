//! The queue is altered by its owner: what he puts there runs as himself, whoever writes to a watched table, and takes
//! part in every row, whatever snapshot the writer has.

use super::Warm;

#[tokio::test]
async fn what_the_owner_of_the_queue_has_written_runs_as_the_owner() {
    let warm = Warm::new().await;
    warm.listen("INSERT").await;
    let owner: String = warm.database.value("SELECT current_user::text", &[]).await;
    let spying = "
        CREATE TABLE public.seen (who text);
        CREATE FUNCTION public.spy() RETURNS void LANGUAGE sql AS 'INSERT INTO public.seen SELECT current_user';
        CREATE FUNCTION public.seven() RETURNS integer IMMUTABLE LANGUAGE plpgsql AS
            $$ BEGIN PERFORM public.spy(); RETURN 7; END $$";
    warm.database.owner.batch_execute(spying).await.unwrap();
    for trap in [
        "ALTER TABLE automations.queue ADD COLUMN extra integer DEFAULT public.seven()",
        "ALTER TABLE automations.queue DROP COLUMN extra, ADD CONSTRAINT looks
             CHECK (query_to_xml('SELECT public.spy()', true, true, '') IS NOT NULL)",
    ] {
        warm.database.owner.batch_execute(trap).await.unwrap();
        let superuser = warm.database.superuser().await;
        for _ in 0..2 {
            let lead = "INSERT INTO public.leads (user_id, name) VALUES ($1, 'Ada')";
            superuser.execute(lead, &[&warm.account.user]).await.unwrap();
        }
        let seen = "SELECT string_agg(DISTINCT who, ',') FROM public.seen";
        assert_eq!(warm.database.value::<String>(seen, &[]).await, owner, "{trap}");
        assert_eq!(warm.heard().await, 2, "{trap}");
    }
}

#[tokio::test]
async fn a_snapshot_from_before_an_index_leaves_no_row_out_of_it() {
    let warm = Warm::new().await;
    warm.listen("INSERT").await;
    warm.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM public.leads")
        .await;
    let superuser = warm.database.superuser().await;
    superuser
        .batch_execute("CREATE INDEX by_version ON automations.queue (version)")
        .await
        .unwrap();
    warm.lead().await;
    warm.run("COMMIT").await;
    warm.lead().await;
    superuser
        .batch_execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
        .await
        .unwrap();
    let by_index = "SELECT count(*) FROM automations.queue WHERE version = 1";
    let found: i64 = superuser.query_one(by_index, &[]).await.unwrap().get(0);
    assert_eq!(found, 2);
}
