-- The role lekalo_app belongs to the cluster and may serve other databases: it stays.
DROP TABLE shared_texts, option_values, product_options, category_aliases, product_categories,
    vehicle_reference, vehicle_aliases, model_variants, models, brands, body_types, tenants;
REVOKE USAGE ON SCHEMA public FROM lekalo_app;
