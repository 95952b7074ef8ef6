package main

import (
	"fmt"
)

type versionCmd struct{}

func (versionCmd) Run(out streams) error {
	_, err := fmt.Fprintln(out.out, "quillgate "+version)
	return err
}
