package novels

import "strings"

// The words are everyday ones, and the names nobody's in any of the five books.
// Their order is part of the texts: a change here changes every digest.
var (
	articles     = strings.Fields("the a the this the that every the no some")
	people       = strings.Fields("Ada Barnaby Clementine Dorian Edwina Fergus Griselda Horace Imogen Jasper Kerensa Lionel Mabel Ned Ottoline Percival Quentin Rowena Silas Tabitha Ursula Vernon Winifred Xanthe Yorick Zelda")
	nouns        = strings.Fields("anchor apple basket bell boat bridge bucket candle captain carriage castle chair chapel chimney clock cloud coat compass cottage crow curtain door engine envelope farmer ferry field fire fisherman flag forest fountain garden gate ghost glove hammer harbour hat hill horse innkeeper island journey kettle key kitchen ladder lantern letter lighthouse machine map market meadow merchant mill miller mirror moon mountain needle neighbour night notebook orchard oven owl painter path pigeon pilgrim pocket pond postman potato quarrel rain river road rope sailor saddle schoolmaster secret shadow ship shoe shoemaker silence snow soldier song staircase station stone storm stove stranger street summer table tailor tower train umbrella valley village violin wagon wall watchman well whistle wind window winter wolf")
	adjectives   = strings.Fields("ancient bitter bold brave brief bright broken calm careful clever cold crooked dark distant drowsy dusty eager empty faint famous forgotten gentle grey heavy hollow honest humble idle lame lonely long lost merry narrow nervous old pale patient plain polite proud quiet rainy restless rusty secret sharp silent slender slow small solemn stubborn sudden tall tired unlucky warm weary wet wide wild wooden young")
	verbs        = strings.Fields("admired asked avoided borrowed carried chased counted crossed described discovered drew dropped emptied feared followed forgave forgot found guarded heard hid imagined kept knew lifted lost loved measured mended missed moved needed noticed opened painted passed praised promised pulled pushed reached recognised remembered repaired saw sheltered shook sold steered studied trusted turned understood visited wanted watched")
	prepositions = strings.Fields("above across after against along among around before behind below beneath beside beyond by down inside near over past through towards under upon without")
	conjunctions = strings.Fields("and and but because although so until while when")
	adverbs      = strings.Fields("afterwards again always already certainly gladly gradually later often once perhaps presently quietly seldom slowly soon still suddenly then therefore twice usually yesterday")
)
