//! What an import into evopoliki's `eva_mats` must leave alone: its other category, and two of another tenant. A clone of
//! the template is empty, where a statement that forgets whose patterns it means finds no others.

use tokio_postgres::Client;

/// Filled categories beside the one that a test imports into.
pub struct Neighbours<'c> {
    owner: &'c Client,
    before: String,
}

/// So many patterns of each neighbour, of which every third is withdrawn.
const EACH: i32 = 12;

impl<'c> Neighbours<'c> {
    /// Fills them, with cars that the tests' lists name too.
    pub async fn fill(owner: &'c Client) -> Self {
        let fill = format!(
            "INSERT INTO model_variants (model_id)
             SELECT m.id FROM models m JOIN brands b ON b.id = m.brand_id
             WHERE b.slug = 'toyota' ON CONFLICT DO NOTHING;

             WITH cars AS (
                 SELECT m.id AS model_id, v.id AS variant_id,
                        row_number() OVER (ORDER BY m.slug NOT IN ('camry', 'corolla'), m.slug) AS place
                 FROM models m
                 JOIN brands b ON b.id = m.brand_id
                 JOIN LATERAL (SELECT id FROM model_variants WHERE model_id = m.id ORDER BY id LIMIT 1) v ON true
                 WHERE b.slug = 'toyota'
             ), shops AS (
                 SELECT t.id AS tenant_id, c.id AS category_id
                 FROM tenants t
                 JOIN tenant_categories tc ON tc.tenant_id = t.id
                 JOIN product_categories c ON c.id = tc.category_id
                 WHERE (t.slug, c.code) IN (('evopoliki', '5d_mats'), ('five_deluxe', '5d_mats'),
                                            ('five_deluxe', 'premium_covers'))
             )
             INSERT INTO patterns (tenant_id, category_id, model_id, variant_id, available)
             SELECT tenant_id, category_id, model_id, variant_id, place % 3 <> 0 FROM shops, cars WHERE place <= {EACH}"
        );
        owner.batch_execute(&fill).await.unwrap();
        let before = state(owner).await;
        assert_eq!(before.lines().count(), 3 * EACH as usize, "the neighbours are there");
        Self { owner, before }
    }

    /// All that they have is as it was.
    pub async fn are_untouched(&self) {
        assert_eq!(state(self.owner).await, self.before, "an import changed patterns of another category");
    }
}

async fn state(owner: &Client) -> String {
    let sql = "SELECT coalesce(string_agg(concat_ws('|', p.*), E'\\n' ORDER BY p.tenant_id, p.id), '')
               FROM patterns p
               JOIN tenants t ON t.id = p.tenant_id
               JOIN product_categories c ON c.id = p.category_id
               WHERE (t.slug, c.code) IN (('evopoliki', '5d_mats'), ('five_deluxe', '5d_mats'),
                                          ('five_deluxe', 'premium_covers'))";
    owner.query_one(sql, &[]).await.unwrap().get(0)
}

/// How many patterns there are in the category that they are neighbours of.
pub async fn own_patterns(owner: &Client) -> i64 {
    let sql = "SELECT count(*)
               FROM patterns p
               JOIN tenants t ON t.id = p.tenant_id
               JOIN product_categories c ON c.id = p.category_id
               WHERE (t.slug, c.code) = ('evopoliki', 'eva_mats')";
    owner.query_one(sql, &[]).await.unwrap().get(0)
}
