package impair

const (
	goldenLoss      = `[158 179 188 285 435 532 645 663 775 936 987]`
	goldenBurst     = `[66 67 68 192 193 320 321 322 323 324 419 420 424 589 590 591 592 593]`
	goldenDecisions = `true false -1 -292721
false true -1 0
false false -1 -770905
true false -1 -707312
false false 6925 -808053
false true -1 0
true false -1 -375488
false true -1 0
false false -1 -1202271
true false -1 -1052124
false false 6925 -1304321
false true -1 0
true false -1 -457886
false true -1 0
false false -1 -611450
true false -1 -594482
false false 6925 -620972
false true -1 0
true false -1 -437256
false true -1 0
false false -1 -759155
true false -1 -708862
false false 6925 -791870
false true -1 0
`
)
