//! An older schema becomes today's: what `install()` made before there were waits, limits and the rest is restored from
//! a dump, `install()` runs over it, and the catalogue then says the same as where it ran on nothing.

use std::collections::BTreeSet;
use std::path::Path;

use end_to_end::{Database, cluster};

/// Everything about our tables, views and functions in lines of text. Partitions of weeks are left out, which depend on
/// the day; the order of columns too, because added ones come last.
const CATALOGUE: &str = "
    WITH tab AS (
        SELECT c.oid::regclass::text AS name, c.* FROM pg_class c
         WHERE c.relnamespace IN ('automations'::regnamespace, 'public'::regnamespace) AND c.relkind IN ('r', 'p', 'v')
           AND (NOT c.relispartition OR c.relname LIKE '%\\_default')
    )
    SELECT format('table %s: %s rls %s %s owner %s options %s', name, relkind, relrowsecurity, relforcerowsecurity,
                  relowner::regrole, (SELECT string_agg(o, ' ' ORDER BY o) FROM unnest(reloptions) o)) FROM tab
    UNION ALL
    SELECT format('column %s.%s: %s not null %s default %s comment %s', t.name, a.attname,
                  format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
                  col_description(t.oid, a.attnum))
      FROM tab t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = a.attnum
    UNION ALL
    SELECT format('constraint %s %s: %s', t.name, k.conname, pg_get_constraintdef(k.oid))
      FROM tab t JOIN pg_constraint k ON k.conrelid = t.oid WHERE k.conname NOT LIKE 'holds\\_nothing\\_of%'
    UNION ALL
    SELECT format('index %s', pg_get_indexdef(i.indexrelid)) FROM tab t JOIN pg_index i ON i.indrelid = t.oid
    UNION ALL
    SELECT format('policy %s %s: %s %s %s %s %s', t.name, p.polname, p.polcmd, p.polpermissive,
                  (SELECT string_agg(CASE WHEN r = 0 THEN 'public' ELSE r::regrole::text END, ' ' ORDER BY r::text)
                     FROM unnest(p.polroles) r),
                  pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
      FROM tab t JOIN pg_policy p ON p.polrelid = t.oid
    UNION ALL
    SELECT format('trigger %s: %s', t.name, pg_get_triggerdef(g.oid))
      FROM tab t JOIN pg_trigger g ON g.tgrelid = t.oid WHERE NOT g.tgisinternal
    UNION ALL
    SELECT format('grant %s: %s to %s', t.name, g.privilege_type, g.grantee::regrole)
      FROM tab t CROSS JOIN LATERAL aclexplode(coalesce(t.relacl, acldefault('r', t.relowner))) g
    UNION ALL
    SELECT format('grant %s.%s: %s to %s', t.name, a.attname, g.privilege_type, g.grantee::regrole)
      FROM tab t JOIN pg_attribute a ON a.attrelid = t.oid CROSS JOIN LATERAL aclexplode(a.attacl) g
    UNION ALL
    SELECT format('function %s: %s definer %s %s body %s grants %s', p.oid::regprocedure, pg_get_function_result(p.oid),
                  p.prosecdef, p.proconfig, md5(p.prosrc),
                  (SELECT string_agg(format('%s to %s', g.privilege_type, g.grantee::regrole), ', '
                                     ORDER BY g.grantee::regrole::text)
                     FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) g))
      FROM pg_proc p WHERE p.pronamespace IN ('automations'::regnamespace, 'public'::regnamespace)
    UNION ALL
    SELECT format('view %s: %s', t.name, pg_get_viewdef(t.oid)) FROM tab t WHERE t.relkind = 'v'
    UNION ALL
    SELECT format('setting %s', s.name) FROM automations.settings s";

async fn catalogue(database: &Database) -> BTreeSet<String> {
    let session = database.superuser().await;
    let rows = session.query(CATALOGUE, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

fn psql(database: &Database, arguments: &[&str]) {
    let standard = [
        "-qX",
        "-v",
        "ON_ERROR_STOP=1",
        "-U",
        "postgres",
        "-d",
        &database.name,
    ];
    let output = cluster::program("psql", &[&standard, arguments].concat());
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test]
async fn an_older_schema_that_is_installed_over_equals_a_fresh_one_and_so_does_a_fresh_one() {
    let install = "SELECT automations.install(sample_app => true)";
    let fresh = Database::empty().await;
    psql(&fresh, &["-c", "CREATE EXTENSION automations", "-c", install]);
    let once = catalogue(&fresh).await;
    psql(&fresh, &["-c", install]);
    assert_eq!(
        catalogue(&fresh).await,
        once,
        "installing twice changes something"
    );

    let older = Database::empty().await;
    let dump = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/schema_before_waits.sql");
    psql(&older, &["-f", dump.to_str().unwrap()]);
    psql(&older, &["-c", install]);

    let (upgraded, fresh) = (catalogue(&older).await, catalogue(&fresh).await);
    let missing: Vec<_> = fresh.difference(&upgraded).collect();
    let left_over: Vec<_> = upgraded.difference(&fresh).collect();
    assert!(
        missing.is_empty() && left_over.is_empty(),
        "missing: {missing:#?}\nleft over: {left_over:#?}"
    );
    assert!(fresh.len() > 500, "{} lines", fresh.len());
}
