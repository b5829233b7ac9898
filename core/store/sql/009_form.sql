-- SPDX-License-Identifier: Apache-2.0
-- Questions that are answered by more than one button: forms and selects.

-- What may be answered, as turn/form.h writes it; NULL: a button, by its number.
ALTER TABLE wait ADD COLUMN form TEXT;
-- The answer to it: a JSON list of texts or places.
ALTER TABLE wait ADD COLUMN given TEXT;
