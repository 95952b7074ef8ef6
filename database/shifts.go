package database

import "context"

const (
	// foldAtLeast is the number of shifts from which they are added up, because
	// everyone who reads a count reads its shifts too.
	foldAtLeast = 200
	// foldAtOnce is the number of shifts that are added up in one transaction.
	foldAtOnce = 5000
)

// Shifts describes a table of changes to counts. Writers insert a row into it
// instead of changing the row of a count, which they would all wait for. A count
// is the number in its own row plus its shifts, which Fold occasionally adds up.
//
// Row is a row of the table of shifts. Key identifies a count.
type Shifts[Row any, Key comparable] struct {
	Few   string                                                 // the statement that counts the shifts, up to $1
	Take  string                                                 // the statement that deletes the oldest $1 shifts and returns them
	Key   func(Row) Key                                          // returns what a shift changes
	Sum   func(a, b Row) Row                                     // returns the sum of two shifts with the same key
	Add   func(ctx context.Context, tx *Tx, sum Row) error       // changes a count
	Write func(ctx context.Context, fn func(tx *Tx) error) error // runs a transaction that no other Fold of the table meets
}

// Fold adds up shifts if there are enough of them, and reports whether there
// may be more. The counts do not change.
func (s Shifts[Row, Key]) Fold(ctx context.Context, q Queryer) (more bool, err error) {
	var few int
	if err := q.Get(ctx, &few, s.Few, foldAtLeast); err != nil || few < foldAtLeast {
		return false, err
	}
	err = s.Write(ctx, func(tx *Tx) error {
		var rows []Row
		if err := tx.Select(ctx, &rows, s.Take, foldAtOnce); err != nil {
			return err
		}
		more = len(rows) == foldAtOnce
		sums := make(map[Key]Row)
		for _, row := range rows {
			key := s.Key(row)
			if sum, ok := sums[key]; ok {
				row = s.Sum(sum, row)
			}
			sums[key] = row
		}
		for _, sum := range sums {
			if err := s.Add(ctx, tx, sum); err != nil {
				return err
			}
		}
		return nil
	})
	return more && err == nil, err
}
