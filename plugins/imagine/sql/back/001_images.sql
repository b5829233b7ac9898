-- SPDX-License-Identifier: Apache-2.0
-- lost: what is known of all pictures that are kept; their bytes stay until they are over

DROP TABLE {generated_images};
