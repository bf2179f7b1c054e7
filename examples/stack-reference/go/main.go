// Uses the domains of a stack that was made from a stack file.
package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

// verified returns the domains that SES has verified in every Region, or an error if one is not.
func verified(outputs []any) ([]string, error) {
	domains, found := outputs[0].(map[string]any)
	pending, complete := outputs[1].([]any)
	if !found || !complete {
		return nil, fmt.Errorf("the stack has no outputs `domains` and `pending`")
	}
	if len(pending) > 0 {
		return nil, fmt.Errorf("not verified yet: %v", pending)
	}
	return slices.Sorted(maps.Keys(domains)), nil
}

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		senders, err := pulumi.NewStackReference(ctx, config.New(ctx, "").Require("senders"), nil)
		if err != nil {
			return err
		}
		outputs := pulumi.All(
			senders.GetOutput(pulumi.String("domains")),
			senders.GetOutput(pulumi.String("pending")),
		)
		ctx.Export("verified", outputs.ApplyT(verified))
		return nil
	})
}
